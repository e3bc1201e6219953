//===- Passes.td - Passes of the Autodiff layer -----------*- tablegen -*-===//

#ifndef DL_AUTODIFF_PASSES_TD
#define DL_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def DifferentiatePass : Pass<"dl-differentiate", "::dl::ModelOp"> {
  let summary = "replace a model by its gradients";
  let description = [{
    The new outputs are the gradients of the sum of the first output with respect
    to all trainable parameters and all float inputs, or to those named by `wrt`.
    With `cotangent`, they are the products of a cotangent, a new last input of
    the first output's type, with the Jacobian. The pass may run again on its own
    output: after `--dl-differentiate=wrt=x --dl-differentiate="wrt=x cotangent"`
    a model gives products of its Hessian with a vector.
  }];
  let options = [
    ListOption<"wrt", "wrt", "std::string", "inputs and parameters (default: all)">,
    Option<"cotangent", "cotangent", "bool", /*default=*/"false",
           "take the cotangent of the first output as an input">,
  ];
}

def EvaluationPass : Pass<"dl-evaluation", "::mlir::ModuleOp"> {
  let summary = "replace each model by its evaluation: loss, metrics and outputs";
  let options = [
    Option<"loss", "loss", "std::string", /*default=*/"\"mse\"", "the loss">,
  ];
}

def TrainingStepPass : Pass<"dl-training-step", "::mlir::ModuleOp"> {
  let summary = "replace each model by its training step";
  let options = [
    Option<"loss", "loss", "std::string", /*default=*/"\"mse\"", "the loss">,
    Option<"optimizer", "optimizer", "std::string", /*default=*/"\"sgd\"",
           "the optimiser and its settings: sgd,lr=0.1">,
  ];
}

#endif // DL_AUTODIFF_PASSES_TD
