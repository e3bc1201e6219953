// RUN: dlc-opt %s
%y = dl.exp %x
