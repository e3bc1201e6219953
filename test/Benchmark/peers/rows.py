"""What is timed: models as lists of layers, with a batch size.

("dense", inputs, outputs)
("conv", window, inputs, outputs)                         with bias
("conv_norm", window, inputs, outputs, stride)            padded, then batch normalisation
("pool", window, stride, padding)                         the largest
("dropout", probability)
("residual", layers, layers around them)                  the sum of both; no layers: the input
("mean",)                                                 of each channel
("flatten",), ("relu",), ("sigmoid",)
"""

from dataclasses import dataclass


def mlp(extents, hidden, last=()):
    layers = []
    for i, (rows, columns) in enumerate(zip(extents, extents[1:])):
        layers.append(("dense", rows, columns))
        layers += [(hidden,)] if i < len(extents) - 2 else list(last)
    return layers


@dataclass
class Row:
    title: str
    file: str  # of examples/, without suffix: a model, or a program that prints one
    inputs: tuple
    layers: list
    batch: int
    loss: str = "cross_entropy"
    optimizer: str = "sgd,lr=0.01"
    classes: int = 10


MLP = mlp([784, 128, 64, 10], "relu")
AUTOENCODER = mlp([784, 128, 64, 36, 18, 9, 18, 36, 64, 128, 784], "relu", [("sigmoid",)])
CNN = [("conv", 5, 1, 32), ("relu",), ("pool", 2, 2, 0), ("conv", 5, 32, 64), ("relu",),
       ("pool", 2, 2, 0), ("flatten",), ("dense", 1024, 10)]
CIFAR10_CNN = [
    ("conv", 3, 3, 32), ("relu",), ("conv", 3, 32, 32), ("relu",), ("pool", 2, 2, 0),
    ("dropout", 0.25), ("conv", 3, 32, 64), ("relu",), ("conv", 3, 64, 64), ("relu",),
    ("pool", 2, 2, 0), ("dropout", 0.25), ("flatten",), ("dense", 1600, 128), ("relu",),
    ("dropout", 0.5), ("dense", 128, 10)]


def residual(layers, inputs, outputs, stride):
    around = [] if inputs == outputs else [("conv_norm", 1, inputs, outputs, stride)]
    return [("residual", layers, around), ("relu",)]


def basic_block(inputs, outputs):
    stride = 1 if inputs == outputs else 2
    return residual([("conv_norm", 3, inputs, outputs, stride), ("relu",),
                     ("conv_norm", 3, outputs, outputs, 1)], inputs, outputs, stride)


def bottleneck(inputs, channels, stride):
    return residual([("conv_norm", 1, inputs, channels, 1), ("relu",),
                     ("conv_norm", 3, channels, channels, stride), ("relu",),
                     ("conv_norm", 1, channels, 4 * channels, 1)], inputs, 4 * channels, stride)


def resnet50():
    layers = [("conv_norm", 7, 3, 64, 2), ("relu",), ("pool", 3, 2, 1)]
    inputs = 64
    for channels, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for i in range(blocks):
            layers += bottleneck(inputs, channels, 2 if i == 0 and channels > 64 else 1)
            inputs = 4 * channels
    return [*layers, ("mean",), ("dense", 2048, 1000)]


RESNET8 = [("conv_norm", 3, 3, 16, 1), ("relu",), *basic_block(16, 16), *basic_block(16, 32),
           *basic_block(32, 64), ("mean",), ("dense", 64, 10)]
MOMENTUM = "sgd,lr=0.01,momentum=0.9"

ROWS = [
    Row("MNIST CNN, SGD", "mnist-cnn", (28, 28, 1), CNN, 100),
    Row("MNIST CNN, SGD", "mnist-cnn", (28, 28, 1), CNN, 1),
    Row("MLP 784-128-64-10, SGD", "mlp", (784,), MLP, 64),
    Row("MLP 784-128-64-10, SGD", "mlp", (784,), MLP, 1),
    Row("autoencoder, Adam", "autoencoder", (784,), AUTOENCODER, 128, "mse",
        "adam,lr=0.001,weight_decay=1e-8"),
    Row("MLP 784-10σ-10, SGD", "mlp-sigmoid", (784,), mlp([784, 10, 10], "sigmoid"), 100),
    Row("CIFAR-10 CNN, dropout, momentum", "cifar10-cnn", (32, 32, 3), CIFAR10_CNN, 32,
        optimizer=MOMENTUM),
    Row("ResNet-8, momentum", "resnet8", (32, 32, 3), RESNET8, 32, optimizer=MOMENTUM),
    Row("ResNet-50, momentum", "resnet50", (224, 224, 3), resnet50(), 4, optimizer=MOMENTUM,
        classes=1000),
]


def settings(optimizer):
    """`adam,lr=0.001` as ("adam", {"lr": 0.001})."""
    name, *pairs = optimizer.split(",")
    return name, {key: float(value) for key, value in (pair.split("=") for pair in pairs)}
