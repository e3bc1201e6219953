// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s

// CHECK-LABEL: dl.model @nothing(
// CHECK: dl.kernel "nothing"() {
// CHECK-NEXT: dl.yield{{$}}
dl.model @nothing(%x: tensor<3xf32>) {
  dl.kernel "nothing"() {
    dl.yield
  }
  dl.return %x
}

// -----

// expected-error @below {{expects parent op 'dl.kernel'}}
dl.yield
