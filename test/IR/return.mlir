// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// An output is named as its value, or output<i> where that is a number.
// CHECK-LABEL: dl.model @names(
// CHECK: dl.return %{{.*}}, %{{.*}} {output_names = ["y", "output1"]}
dl.model @names(%x: tensor<2xf32>) attributes {check.value.x = dense<[1.0, -1.0]> : tensor<2xf32>,
    check.expect.y = dense<[-1.0, 1.0]> : tensor<2xf32>,
    check.expect.output1 = dense<[1.0, 1.0]> : tensor<2xf32>, check.second_gradient = false} {
  %y = dl.neg %x
  %1 = dl.abs %x
  dl.return %y, %1
}

// CHECK-LABEL: dl.model @renamed(
// CHECK: dl.return %x {output_names = ["score"]}
dl.model @renamed(%x: tensor<2xf32>) attributes {check.value.x = dense<3.0> : tensor<2xf32>,
    check.expect.score = dense<3.0> : tensor<2xf32>} {
  dl.return %x {output_names = ["score"]}
}

// CHECK-LABEL: dl.model @nothing(
// CHECK: dl.return{{$}}
dl.model @nothing(%x: tensor<2xf32>) {
  dl.return
}

// Parameters are read at the start of a run, so the old value is returned.
// CHECK-LABEL: dl.model @update(
// CHECK: dl.return %{{.*}} update "w" = %{{.*}}, "n" = %{{.*}}
dl.model @update(%x: tensor<2xf32>) attributes {
    check.value.x = dense<[1.0, 2.0]> : tensor<2xf32>,
    check.value.w = dense<[10.0, 20.0]> : tensor<2xf32>, check.value.n = dense<4.0> : tensor<f32>,
    check.expect.output0 = dense<[10.0, 20.0]> : tensor<2xf32>,
    check.expect.w = dense<[11.0, 22.0]> : tensor<2xf32>, check.expect.n = dense<5.0> : tensor<f32>} {
  %w = dl.parameter "w" : tensor<2xf32>
  %n = dl.parameter "n" {role = counter, trainable = false} : tensor<f32>
  %one = dl.constant dense<1.0> : tensor<f32>
  %m = dl.add %n, %one
  %v = dl.add %w, %x
  dl.return %w update "w" = %v, "n" = %m {output_names = ["output0"]}
}

// Two variables may exchange their values.
dl.model @exchange() attributes {
    check.value.a = dense<[1.0, 2.0]> : tensor<2xf32>, check.value.b = dense<[3.0, 4.0]> : tensor<2xf32>,
    check.expect.a = dense<[3.0, 4.0]> : tensor<2xf32>, check.expect.b = dense<[1.0, 2.0]> : tensor<2xf32>} {
  %a = dl.parameter "a" : tensor<2xf32>
  %b = dl.parameter "b" : tensor<2xf32>
  dl.return update "a" = %b, "b" = %a
}

// An input, and one value twice, may be returned.
dl.model @shared(%x: tensor<3xf32>) {
  %y = dl.exp %x
  dl.return %x, %y, %y {output_names = ["x", "y", "again"]}
}

// A variable may take what is an output as well.
dl.model @output_and_update(%x: tensor<3xf32>) attributes {check.gradient = false} {
  %w = dl.parameter "w" : tensor<3xf32>
  %v = dl.add %w, %x
  dl.return %v update "w" = %v
}

// -----

dl.model @unknown(%x: tensor<2xf32>) {
  // expected-error @below {{expected the name of a variable to update, got 'w'}}
  dl.return %x update "w" = %x
}

// -----

dl.model @type(%x: tensor<2xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  // expected-error @below {{expected an update of 'w' of type 'tensor<3xf32>', got 'tensor<2xf32>'}}
  dl.return %x update "w" = %x
}

// -----

dl.model @twice(%x: tensor<3xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  // expected-error @below {{'w' is updated twice}}
  dl.return %x update "w" = %x, "w" = %x
}

// -----

dl.model @names(%x: tensor<3xf32>) {
  // expected-error @below {{expected a name for each of 1 values, got 2}}
  dl.return %x {output_names = ["a", "b"]}
}

// -----

dl.model @alike(%x: tensor<3xf32>) {
  // expected-error @below {{expected distinct names of results, got 'x' twice (output_names gives others)}}
  dl.return %x, %x
}

// -----

dl.model @unknown_value(%x: tensor<3xf32>) {
  // expected-error @below {{the type of %y is not known here: expected a value defined above by a dl op, or the types of operands and results after ':'}}
  dl.return %y
}

// -----

// expected-error @below {{expects parent op 'dl.model'}}
dl.return
