// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @fused(
// CHECK: %{{.*}} = dl.kernel "exp+mul"(%{{.*}} = %x, %{{.*}} = %s) {
// CHECK:   %{{.*}} = dl.exp %{{.*}} : tensor<2xf32>
// CHECK:   dl.yield %{{.*}}
// CHECK: }
dl.model @fused(%x: tensor<2xf32>) attributes {
    check.value.x = dense<[0.0, 1.0]> : tensor<2xf32>, check.value.s = dense<2.0> : tensor<f32>,
    check.expect.y = dense<[2.0, 5.43656366]> : tensor<2xf32>} {
  %s = dl.parameter "s" : tensor<f32>
  %y = dl.kernel "exp+mul"(%a = %x, %b = %s) {
    %0 = dl.exp %a
    %1 = dl.mul %0, %b
    dl.yield %1
  }
  dl.return %y
}

// Several results, one of them an argument; what passes add stays.
// CHECK-LABEL: dl.model @results(
// CHECK: %{{.*}}:2 = dl.kernel "two"(%{{.*}} = %x) attributes {strategy = "plain"} {
dl.model @results(%x: tensor<2xf32>) attributes {
    check.value.x = dense<[1.0, -1.0]> : tensor<2xf32>,
    check.expect.y = dense<[-1.0, 1.0]> : tensor<2xf32>, check.expect.z = dense<[1.0, -1.0]> : tensor<2xf32>} {
  %y, %z = dl.kernel "two"(%a = %x) attributes {strategy = "plain"} {
    %n = dl.neg %a
    dl.yield %n, %a
  }
  dl.return %y, %z {output_names = ["y", "z"]}
}

// CHECK-LABEL: dl.model @constant_inside(
// CHECK: dl.kernel "constant"() {
dl.model @constant_inside() attributes {check.expect.y = dense<3.0> : tensor<2xf32>} {
  %y = dl.kernel "constant"() {
    %c = dl.constant dense<3.0> : tensor<2xf32>
    dl.yield %c
  }
  dl.return %y
}

// -----

dl.model @no_yield(%x: tensor<3xf32>) {
  // expected-error @below {{expected a dl.yield at the end}}
  %y = dl.kernel "k"(%a = %x) {
    %0 = dl.exp %a
  }
  dl.return %y
}

// -----

dl.model @empty(%x: tensor<3xf32>) {
  // expected-error @below {{expected a dl.yield at the end}}
  %y = dl.kernel "k"(%a = %x) {
  }
  dl.return %y
}

// -----

dl.model @value_of_outside(%x: tensor<3xf32>) {
  %y = dl.kernel "k"(%a = %x) {
    // expected-error @below {{the type of %x is not known here}}
    %0 = dl.exp %x
    dl.yield %0
  }
  dl.return %y
}

// -----

dl.model @unknown_operand(%x: tensor<3xf32>) {
  // expected-error @below {{the type of %z is not known here}}
  %y = dl.kernel "k"(%a = %z) {
    dl.yield %a
  }
  dl.return %y
}

// -----

dl.model @parameter_inside(%x: tensor<3xf32>) {
  %y = dl.kernel "k"(%a = %x) {
    // expected-error @below {{expects parent op 'dl.model'}}
    %p = dl.parameter "p" : tensor<3xf32>
    dl.yield %p
  }
  dl.return %y
}

// -----

dl.model @argument_types(%x: tensor<3xf32>) {
  // expected-error @below {{expected arguments of types 'tensor<3xf32>', got 'tensor<2xf32>'}}
  %y = "dl.kernel"(%x) ({
  ^bb0(%a: tensor<2xf32>):
    "dl.yield"(%a) : (tensor<2xf32>) -> ()
  }) {label = "k"} : (tensor<3xf32>) -> tensor<2xf32>
  dl.return %x
}

// -----

dl.model @result_types(%x: tensor<3xf32>) {
  // expected-error @below {{expected results of types 'tensor<3xf32>', got 'tensor<2xf32>'}}
  %y = "dl.kernel"(%x) ({
  ^bb0(%a: tensor<3xf32>):
    "dl.yield"(%a) : (tensor<3xf32>) -> ()
  }) {label = "k"} : (tensor<3xf32>) -> tensor<2xf32>
  dl.return %x
}

// -----

dl.model @no_result(%x: tensor<3xf32>) {
  // expected-error @below {{expected a result}}
  dl.kernel "k"(%a = %x) {
    dl.yield
  }
  dl.return %x
}
