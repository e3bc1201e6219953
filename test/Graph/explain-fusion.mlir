// RUN: dlc-opt %s --dl-graph-pipeline=explain=true -verify-diagnostics -o /dev/null

dl.model @explained(%x: tensor<4x3xf32>, %t: tensor<4x5xf32>) {
  %w = dl.parameter "w" : tensor<3x5xf32>
  %1 = dl.matmul %x, %w
  // expected-remark @-1 {{fused 'relu' into the epilogue of 'matmul'}}
  %2 = dl.relu %1
  // expected-remark @below {{'max+sub' is not fused with 'matmul+relu': max cannot stand in a kernel of matmul}}
  %3 = dl.max %2 {axes = [1], keepdims = true}
  // expected-remark @-1 {{fused 'sub' into the loops of 'max'}}
  %4 = dl.sub %t, %3
  dl.return %4
}
