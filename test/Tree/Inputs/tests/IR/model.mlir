// RUN: dlc-opt %s
dl.model @m() { dl.return }
