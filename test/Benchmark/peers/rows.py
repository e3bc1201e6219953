"""What is timed: the courses' models, as lists of layers, with a batch size."""

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
    file: str  # of examples/, without suffix
    inputs: tuple
    layers: list
    batch: int
    loss: str = "cross_entropy"
    optimizer: str = "sgd,lr=0.01"


MLP = mlp([784, 128, 64, 10], "relu")
AUTOENCODER = mlp([784, 128, 64, 36, 18, 9, 18, 36, 64, 128, 784], "relu", [("sigmoid",)])
CNN = [("conv", 5, 1, 32), ("relu",), ("pool",), ("conv", 5, 32, 64), ("relu",), ("pool",),
       ("flatten",), ("dense", 1024, 10)]

ROWS = [
    Row("MNIST CNN, SGD", "mnist-cnn", (28, 28, 1), CNN, 100),
    Row("MNIST CNN, SGD", "mnist-cnn", (28, 28, 1), CNN, 1),
    Row("MLP 784-128-64-10, SGD", "mlp", (784,), MLP, 64),
    Row("MLP 784-128-64-10, SGD", "mlp", (784,), MLP, 1),
    Row("autoencoder, Adam", "autoencoder", (784,), AUTOENCODER, 128, "mse",
        "adam,lr=0.001,weight_decay=1e-8"),
    Row("MLP 784-10σ-10, SGD", "mlp-sigmoid", (784,), mlp([784, 10, 10], "sigmoid"), 100),
]


def settings(optimizer):
    """`adam,lr=0.001` as ("adam", {"lr": 0.001})."""
    name, *pairs = optimizer.split(",")
    return name, {key: float(value) for key, value in (pair.split("=") for pair in pairs)}
