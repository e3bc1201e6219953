// Targets and metrics of each loss.
// RUN: dlc-opt %s --dl-evaluation=loss=cross_entropy | FileCheck %s --check-prefix=CE
// RUN: dlc-opt %s --dl-evaluation=loss=mse | FileCheck %s --check-prefix=MSE
// RUN: dlc-opt %s --dl-evaluation=loss=bce | FileCheck %s --check-prefix=BCE
// RUN: dlc-opt %s --dl-evaluation=loss=bce_with_logits | FileCheck %s --check-prefix=LOGITS
// RUN: dlc-opt %s --dl-evaluation=loss=hinge | FileCheck %s --check-prefix=HINGE

// CE-LABEL: dl.model @model_evaluation(%x: tensor<?x3xf32>, %label: tensor<?xi32>)
// CE: %[[LOSS:.*]] = dl.cross_entropy %x, %label : tensor<f32>
// CE: %[[BEST:.*]] = dl.argmax %x {axis = 1}
// CE: %[[RIGHT:.*]] = dl.compare %[[BEST]], %label {predicate = eq}
// CE: %[[ONES:.*]] = dl.cast %[[RIGHT]] {to = f32}
// CE: %[[SUM:.*]] = dl.sum %[[ONES]] : tensor<f32>
// CE: %[[CORRECT:.*]] = dl.cast %[[SUM]] {to = i32} : tensor<i32>
// CE: dl.return %[[LOSS]], %[[CORRECT]], %x {output_names = ["loss", "correct", "x"]}

// MSE-LABEL: dl.model @model_evaluation(%x: tensor<?x3xf32>, %target: tensor<?x3xf32>)
// MSE: %[[LOSS:.*]] = dl.mse %x, %target
// MSE: dl.return %[[LOSS]], %x {output_names = ["loss", "x"]}

// An example of several elements is right where all are.
// BCE: dl.bce %x, %target
// BCE: %[[RIGHT:.*]] = dl.compare %{{.*}}, %{{.*}} {predicate = gt} : tensor<?x3xi1>
// BCE: %[[ONES:.*]] = dl.cast %[[RIGHT]] {to = f32}
// BCE: %[[ALL:.*]] = dl.min %[[ONES]] {axes = [1]} : tensor<?xf32>
// BCE: dl.sum %[[ALL]] : tensor<f32>
// BCE: dl.return {{.*}} {output_names = ["loss", "correct", "x"]}

// LOGITS: dl.bce_with_logits %x, %target
// LOGITS: dl.return {{.*}} {output_names = ["loss", "correct", "x"]}

// HINGE: dl.hinge %x, %target
// HINGE: %[[M:.*]] = dl.mul %x, %target
// HINGE: dl.compare %[[M]], %{{.*}} {predicate = gt}
// HINGE: dl.return {{.*}} {output_names = ["loss", "correct", "x"]}
dl.model @model(%x: tensor<?x3xf32>) {
  dl.return %x
}

// A model's own outputs keep their names.
// CE-LABEL: dl.model @named_evaluation
// CE: dl.return %{{.*}}, %{{.*}}, %{{.*}} {output_names = ["loss1", "correct", "loss"]}
dl.model @named(%x: tensor<?x3xf32>) {
  %loss = dl.tanh %x
  dl.return %loss
}
