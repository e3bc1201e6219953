// RUN: dlc-opt %s --dl-differentiate=cotangent | FileCheck %s
// RUN: dlc-opt %s --dl-differentiate=cotangent --dl-differentiate=cotangent | dlc-opt -o /dev/null

// CHECK-LABEL: dl.model @neg(%x: tensor<3xf32>, %cotangent: tensor<3xf32>)
// CHECK: %[[D:.*]] = dl.neg %cotangent
// CHECK: dl.return %[[D]] {output_names = ["d_x"]}
dl.model @neg(%x: tensor<3xf32>) {
  %y = dl.neg %x
  dl.return %y
}

// CHECK-LABEL: dl.model @abs
// CHECK: %[[S:.*]] = dl.sign %x
// CHECK: dl.mul %cotangent, %[[S]]
dl.model @abs(%x: tensor<3xf32>) {
  %y = dl.abs %x
  dl.return %y
}

// The derivative of a step is zero.
// CHECK-LABEL: dl.model @sign
// CHECK: %[[D:.*]] = dl.constant dense<0.000000e+00> : tensor<3xf32>
// CHECK: dl.return %[[D]]
dl.model @sign(%x: tensor<3xf32>) {
  %y = dl.sign %x
  dl.return %y
}

// CHECK-LABEL: dl.model @exp
// CHECK: %[[Y:.*]] = dl.exp %x
// CHECK: dl.mul %cotangent, %[[Y]]
dl.model @exp(%x: tensor<3xf32>) {
  %y = dl.exp %x
  dl.return %y
}

// CHECK-LABEL: dl.model @log
// CHECK-NOT: dl.log
// CHECK: dl.div %cotangent, %x
dl.model @log(%x: tensor<3xf32>) {
  %y = dl.log %x
  dl.return %y
}

// CHECK-LABEL: dl.model @sqrt
// CHECK: %[[Y:.*]] = dl.sqrt %x
// CHECK: %[[HALF:.*]] = dl.constant dense<5.000000e-01>
// CHECK: %[[G:.*]] = dl.mul %[[HALF]], %cotangent
// CHECK: dl.div %[[G]], %[[Y]]
dl.model @sqrt(%x: tensor<3xf32>) {
  %y = dl.sqrt %x
  dl.return %y
}

// CHECK-LABEL: dl.model @tanh
// CHECK: %[[Y:.*]] = dl.tanh %x
// CHECK: %[[SQUARE:.*]] = dl.mul %[[Y]], %[[Y]]
// CHECK: %[[SLOPE:.*]] = dl.sub %{{.*}}, %[[SQUARE]]
// CHECK: dl.mul %cotangent, %[[SLOPE]]
dl.model @tanh(%x: tensor<3xf32>) {
  %y = dl.tanh %x
  dl.return %y
}

// CHECK-LABEL: dl.model @sigmoid
// CHECK: %[[Y:.*]] = dl.sigmoid %x
// CHECK: %[[REST:.*]] = dl.sub %{{.*}}, %[[Y]]
// CHECK: %[[SLOPE:.*]] = dl.mul %[[Y]], %[[REST]]
// CHECK: dl.mul %cotangent, %[[SLOPE]]
dl.model @sigmoid(%x: tensor<3xf32>) {
  %y = dl.sigmoid %x
  dl.return %y
}

// By the result, so that the input need not be kept.
// CHECK-LABEL: dl.model @relu
// CHECK: %[[Y:.*]] = dl.relu %x
// CHECK: %[[MASK:.*]] = dl.compare %[[Y]], %{{.*}} {predicate = gt}
// CHECK: dl.select %[[MASK]], %cotangent, %{{.*}}
dl.model @relu(%x: tensor<3xf32>) {
  %y = dl.relu %x
  dl.return %y
}

// A cotangent is summed over what was broadcast, and one that is not needed
// leaves nothing behind.
// CHECK-LABEL: dl.model @add(
// CHECK-NEXT: %[[DX:.*]] = dl.sum %cotangent {axes = [1, 2], keepdims = true} : tensor<4x1x1xf32>
// CHECK-NEXT: %[[DY:.*]] = dl.sum %cotangent {axes = [0]} : tensor<2x3xf32>
// CHECK-NEXT: dl.return %[[DX]], %[[DY]] {output_names = ["d_x", "d_y"]}
dl.model @add(%x: tensor<4x1x1xf32>, %y: tensor<2x3xf32>) {
  %z = dl.add %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @sub(
// CHECK: %[[N:.*]] = dl.neg %cotangent
// CHECK: %[[DY:.*]] = dl.sum %[[N]] {axes = [0, 1]} : tensor<f32>
// CHECK: dl.return %cotangent, %[[DY]]
dl.model @sub(%x: tensor<2x3xf32>, %y: tensor<f32>) {
  %z = dl.sub %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @mul(
// CHECK: %[[DX:.*]] = dl.mul %cotangent, %y
// CHECK: %[[DY:.*]] = dl.mul %cotangent, %x
// CHECK: dl.return %[[DX]], %[[DY]]
dl.model @mul(%x: tensor<3xf32>, %y: tensor<3xf32>) {
  %z = dl.mul %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @div(
// CHECK: %[[Z:.*]] = dl.div %x, %y
// CHECK: %[[DX:.*]] = dl.div %cotangent, %y
// CHECK: %[[P:.*]] = dl.mul %[[DX]], %[[Z]]
// CHECK: %[[DY:.*]] = dl.neg %[[P]]
// CHECK: dl.return %[[DX]], %[[DY]]
dl.model @div(%x: tensor<3xf32>, %y: tensor<3xf32>) {
  %z = dl.div %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @maximum(
// CHECK: %[[MORE:.*]] = dl.compare %x, %y {predicate = gt}
// CHECK: %[[TIE:.*]] = dl.compare %x, %y {predicate = eq}
// CHECK: %[[HALF:.*]] = dl.mul %{{.*}}, %cotangent
// CHECK: %[[REST:.*]] = dl.select %[[TIE]], %[[HALF]], %{{.*}}
// CHECK: dl.select %[[MORE]], %cotangent, %[[REST]]
// CHECK: dl.compare %y, %x {predicate = gt}
dl.model @maximum(%x: tensor<3xf32>, %y: tensor<3xf32>) {
  %z = dl.maximum %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @select(%c: tensor<3xi1>
// CHECK: %[[DX:.*]] = dl.select %c, %cotangent, %{{.*}}
// CHECK: %[[DY:.*]] = dl.select %c, %{{.*}}, %cotangent
// CHECK: dl.return %[[DX]], %[[DY]] {output_names = ["d_x", "d_y"]}
dl.model @select(%c: tensor<3xi1>, %x: tensor<3xf32>, %y: tensor<3xf32>) {
  %z = dl.select %c, %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @cast(
// CHECK: %[[D:.*]] = dl.cast %cotangent {to = f32}
// CHECK: dl.return %[[D]] {output_names = ["d_x"]}
dl.model @cast(%x: tensor<3xf32>, %n: tensor<3xi32>) {
  %wide = dl.cast %x {to = f64}
  %count = dl.cast %n {to = f64}
  %z = dl.mul %wide, %count
  %s = dl.add %wide, %count
  dl.return %s
}
