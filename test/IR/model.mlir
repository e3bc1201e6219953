// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// The names of the arguments are the names of the inputs, and both come back.
// CHECK-LABEL: dl.model @two_inputs(%image: tensor<?x4xf32>, %label: tensor<?xi32>)
// CHECK-NEXT: dl.return %image, %label
dl.model @two_inputs(%image: tensor<?x4xf32>, %label: tensor<?xi32>) attributes {check.batch = [0, 1, 3]} {
  dl.return %image, %label
}

// CHECK-LABEL: dl.model @no_input()
dl.model @no_input() attributes {check.expect.c = dense<[1.0, 2.0]> : tensor<2xf32>} {
  %c = dl.constant dense<[1.0, 2.0]> : tensor<2xf32>
  dl.return %c
}

// Element types, and what a model may carry for others.
// CHECK-LABEL: dl.model @types(
// CHECK-SAME: attributes {check.batch = [2], note.author = "a"}
dl.model @types(%a: tensor<f64>, %b: tensor<2xi1>, %c: tensor<?xi64>, %d: tensor<0xf32>)
    attributes {check.batch = [2], note.author = "a"} {
  dl.return %a, %b, %c, %d
}

// Types need not be written: they are inferred from the operands.
// CHECK-LABEL: dl.model @inferred(
// CHECK: %{{.*}} = dl.linear %x, %w : tensor<?x3xf32>
// CHECK: %{{.*}} = dl.relu %{{.*}} : tensor<?x3xf32>
dl.model @inferred(%x: tensor<?x2xf32>) {
  %w = dl.parameter "w" : tensor<2x3xf32>
  %0 = dl.linear %x, %w
  %y = dl.relu %0 : tensor<?x3xf32>
  dl.return %y
}

// Or they are, for one result or as a function's.
// CHECK-LABEL: dl.model @written(
// CHECK: %{{.*}} = dl.add %x, %x : tensor<2xf32>
dl.model @written(%x: tensor<2xf32>) {
  %y = dl.add %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  dl.return %y
}

// -----

// expected-error @below {{expected inputs of f32, f64, i1, i32 or i64, got 'tensor<2xf16>'}}
dl.model @half(%x: tensor<2xf16>) {
  dl.return %x
}

// -----

// expected-error @below {{expected an open extent in dimension 0 alone (the batch), got 'tensor<2x?xf32>'}}
dl.model @open_inside(%x: tensor<2x?xf32>) {
  dl.return %x
}

// -----

// expected-error @below {{expected ranked tensors as inputs, got 'f32'}}
dl.model @number(%x: f32) {
  dl.return %x
}

// -----

// expected-error @below {{expected ranked tensors as inputs, got 'tensor<*xf32>'}}
dl.model @unranked(%x: tensor<*xf32>) {
  dl.return %x
}

// -----

// expected-error @below {{expected a dl.return at the end}}
dl.model @no_return(%x: tensor<2xf32>) {
  %y = dl.exp %x
}

// -----

// expected-error @below {{expects a non-empty block}}
dl.model @empty(%x: tensor<2xf32>) {
}

// -----

dl.model @unknown_value(%x: tensor<2xf32>) {
  // expected-error @below {{the type of %z is not known here: expected a value defined above by a dl op, or the types of operands and results after ':'}}
  %y = dl.exp %z
  dl.return %y
}

// -----

dl.model @unknown_op(%x: tensor<2xf32>) {
  // expected-error @below {{custom op 'dl.expp' is unknown}}
  %y = dl.expp %x
  dl.return %y
}

// -----

dl.model @result_type(%x: tensor<2xf32>) {
  // expected-error @below {{expected result type 'tensor<2xf32>', got 'tensor<3xf32>'}}
  %y = dl.exp %x : tensor<3xf32>
  dl.return %y
}

// -----

dl.model @functional_type(%x: tensor<2xf32>) {
  // expected-error @below {{expected result types 'tensor<2xf32>', got 'tensor<3xf32>'}}
  %y = dl.exp %x : (tensor<2xf32>) -> tensor<3xf32>
  dl.return %y
}

// -----

dl.model @option_twice(%x: tensor<2xf32>) {
  // expected-error @below {{option 'axes' is given twice}}
  %y = dl.sum %x {axes = [0], axes = [1]}
  dl.return %y
}

// -----

dl.model @option_without_value(%x: tensor<2xf32>) {
  // expected-error @below {{expected a value}}
  %y = dl.sum %x {axes = }
  dl.return %y
}

// -----

dl.model @too_many_results(%x: tensor<2xf32>) {
  // expected-error @below {{operation defines 1 results but was provided 2 to bind}}
  %y, %z = dl.exp %x
  dl.return %y
}

// -----

// expected-error @below {{region entry argument '%x' is already in use}}
// expected-note @below {{previously referenced here}}
dl.model @same_name(%x: tensor<2xf32>, %x: tensor<2xf32>) {
  dl.return %x
}

// -----

// expected-note @below {{see existing symbol definition here}}
dl.model @twice(%x: tensor<2xf32>) {
  dl.return %x
}
// expected-error @below {{redefinition of symbol named 'twice'}}
dl.model @twice(%x: tensor<2xf32>) {
  dl.return %x
}

// -----

// expected-error @below {{expected 1 input names, got 0}}
"dl.model"() ({
^bb0(%x: tensor<2xf32>):
  "dl.return"(%x) {output_names = ["x"], updated = []} : (tensor<2xf32>) -> ()
}) {sym_name = "names", input_names = []} : () -> ()

// -----

// An op as other tools print it is verified by the same rule.
%c = arith.constant dense<1.0> : tensor<3xf32>
// expected-error @below {{inferred type(s) 'tensor<3xf32>' are incompatible with return type(s) of operation 'tensor<4xf32>'}}
// expected-error @below {{failed to infer returned types}}
%e = "dl.exp"(%c) : (tensor<3xf32>) -> tensor<4xf32>
