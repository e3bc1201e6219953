//===- resnet50.cpp - ResNet-50, built in C++ -----------------------------===//
//
// Prints the network (He et al., arXiv:1512.03385, table 1; strides in the 3x3
// convolutions, as is usual by now) as a model file:
//   resnet50 > resnet50.mlir
//   dlc bench resnet50.mlir --train --loss=cross_entropy --optimizer=sgd,lr=0.01,momentum=0.9
// Images are channels last, 224 x 224 or of the size named on the command line.
//
//===----------------------------------------------------------------------===//

#include "dl/Builder.h"

#include <cstdio>
#include <cstdlib>

namespace {
class ResNet {
public:
  explicit ResNet(dl::GraphBuilder &g) : g(g) {}

  /// A convolution without bias, then batch normalisation.
  dl::Node conv(dl::Node x, int64_t channels, int64_t window, int64_t stride,
                const std::string &name) {
    int64_t edge = window / 2;
    x = g.conv2d(x, channels, {window, window},
                 {.name = name,
                  .strides = {stride, stride},
                  .padding = {edge, edge, edge, edge},
                  .order = dl::ImageOrder::NHWC,
                  .bias = false});
    return g.batchNorm(x, 3, {.name = name + ".norm"});
  }

  /// Few channels, a 3x3 convolution, four times as many channels; and around it
  /// the input itself, or a 1x1 convolution of it where the shape changes.
  dl::Node bottleneck(dl::Node x, int64_t channels, int64_t stride, bool isFirst,
                      const std::string &name) {
    dl::Node y = g.relu(conv(x, channels, 1, 1, name + ".conv1"));
    y = g.relu(conv(y, channels, 3, stride, name + ".conv2"));
    y = conv(y, 4 * channels, 1, 1, name + ".conv3");
    dl::Node around = isFirst ? conv(x, 4 * channels, 1, stride, name + ".around") : x;
    return g.relu(g.add(y, around));
  }

  dl::Node stage(dl::Node x, int64_t channels, int64_t stride, int blocks,
                 const std::string &name) {
    for (int i = 0; i < blocks; ++i)
      x = bottleneck(x, channels, i == 0 ? stride : 1, i == 0, name + "." + std::to_string(i));
    return x;
  }

private:
  dl::GraphBuilder &g;
};
} // namespace

int main(int argc, char **argv) {
  int64_t size = argc > 1 ? std::atoll(argv[1]) : 224;
  if (size < 1)
    return std::fprintf(stderr,
                        "resnet50: expected the size of an image, of at least 1; got '%s'\n",
                        argv[1]),
           1;
  dl::GraphBuilder g("resnet50");
  ResNet net(g);
  dl::Node x = g.input("image", {dl::kOpen, size, size, 3});
  x = g.relu(net.conv(x, 64, 7, 2, "first"));
  x = g.maxPool2d(x, {3, 3},
                  {.strides = {2, 2}, .padding = {1, 1, 1, 1}, .order = dl::ImageOrder::NHWC});
  x = net.stage(x, 64, 1, 3, "stage1");
  x = net.stage(x, 128, 2, 4, "stage2");
  x = net.stage(x, 256, 2, 6, "stage3");
  x = net.stage(x, 512, 2, 3, "stage4");
  x = g.mean(x, {1, 2});
  g.output(g.linear(x, 1000, {.name = "dense"}), "logits");
  auto model = g.build();
  if (!model)
    return std::fprintf(stderr, "%s\n", model.error().message.c_str()), 1;
  std::fputs(model->toString().c_str(), stdout);
  return 0;
}
