//===- dlc.cpp - The driver -----------------------------------------------===//

#include "Driver.h"

#include <csignal>
#include <cstring>
#include <fmt/format.h>

using namespace dl::driver;

static constexpr const char *kHelp = R"(Usage: dlc [COMMAND] MODEL [FLAGS]

dlc compiles neural networks for the CPU: inference and training.

Commands ('dlc COMMAND --help' lists the flags of each):
  compile    the default: translate a model and show or write any stage
  run        run a model on arrays from .npy files
  train      train a model on a data set
  eval       loss and accuracy of a trained model on a data set
  summary    layers, shapes, parameters, memory and arithmetic of a model
  bench      time a forward pass or a training step

MODEL is a file in the syntax of examples/*.mlir; '-' stands for standard input.

Examples:
  dlc train examples/mnist-cnn.mlir --data=digits --loss=cross_entropy --optimizer=sgd,lr=0.05
  dlc examples/mlp.mlir --train --loss=cross_entropy --optimizer=adam --emit=fused --explain
  dlc summary examples/mnist-cnn.mlir --batch=100

Exit status: 0, 1 after an error, 130 when interrupted.
)";

int main(int argc, char **argv) {
  // A write beyond the largest file that a user may make fails, as one to a full disk does.
  std::signal(SIGXFSZ, SIG_IGN);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  struct {
    const char *name;
    Command command;
  } static constexpr commands[] = {{"compile", compileMain}, {"run", runMain},
                                   {"train", trainMain},     {"eval", evalMain},
                                   {"summary", summaryMain}, {"bench", benchMain}};
  if (arguments.empty()) {
    fmt::print(stderr, "{}", kHelp);
    return 1;
  }
  const std::string first = arguments.front();
  if (first == "--version") {
    dl::Status status = print("dlc " DLC_VERSION "\n");
    return status ? 0 : report(status.error());
  }
  if (first == "--help" || first == "-h" || first == "help") {
    dl::Status status = print(kHelp);
    return status ? 0 : report(status.error());
  }
  for (const auto &entry : commands)
    if (first == entry.name) {
      arguments.erase(arguments.begin());
      return entry.command(arguments);
    }
  return compileMain(arguments);
}
