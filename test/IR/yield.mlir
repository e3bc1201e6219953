// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s

// CHECK-LABEL: dl.model @two(
// CHECK: dl.kernel "swap"(%{{.*}} = %x, %{{.*}} = %y) {
// CHECK-NEXT: dl.yield %{{.*}}, %{{.*}}{{$}}
dl.model @two(%x: tensor<3xf32>, %y: tensor<2xf32>) {
  %0:2 = dl.kernel "swap"(%a = %x, %b = %y) {
    dl.yield %b, %a
  }
  dl.return %0#0, %0#1
}

// -----

// expected-error @below {{expects parent op 'dl.kernel'}}
dl.yield
