"""The models of examples/ written once more, in JAX, for comparison.

Each model names its parameters and their shapes, the loss it is trained with and
the optimiser's settings; nothing here is read from the model files.
"""

from dataclasses import dataclass, field
from typing import Callable

import jax
import jax.numpy as jnp


def linear(p, name, x):
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def conv(p, name, x, stride=1, edge=0):
    y = jax.lax.conv_general_dilated(
        x, p[f"{name}.weight"], (stride, stride), [(edge, edge)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def max_pool(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


class Step:
    """What a step in training has besides parameters: the masks of its dropouts, in
    order, and what its normalisations saw, by name."""

    def __init__(self, masks=()):
        self.masks = list(masks)
        self.seen = {}

    def dropout(self, x, p):
        return jnp.where(self.masks.pop(0), x / (1 - p), 0)

    def batch_norm(self, p, name, x):
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        count = x.size // x.shape[-1]
        self.seen[f"{name}.mean"] = mean
        self.seen[f"{name}.variance"] = variance * (count / (count - 1))
        return ((x - mean) / jnp.sqrt(variance + 1e-5) * p[f"{name}.scale"]
                + p[f"{name}.bias"])


def cross_entropy(logits, labels):
    rows = jnp.arange(labels.shape[0])
    return -jnp.mean(jax.nn.log_softmax(logits)[rows, labels])


def mse(prediction, target):
    return jnp.mean((prediction - target) ** 2)


def bce(p, t):
    return -jnp.mean(t * jnp.maximum(jnp.log(p), -100) + (1 - t) * jnp.maximum(jnp.log(1 - p), -100))


def bce_with_logits(x, t):
    return jnp.mean(jnp.maximum(x, 0) - x * t + jnp.log1p(jnp.exp(-jnp.abs(x))))


def hinge(prediction, target):
    return jnp.mean(jnp.maximum(0, 1 - target * prediction))


LOSSES = {f.__name__: f for f in (cross_entropy, mse, bce, bce_with_logits, hinge)}


def dense_parameters(names, *extents):
    """Shapes of a chain of linear layers."""
    shapes = {}
    for layer, rows, columns in zip(names, extents, extents[1:]):
        shapes[f"{layer}.weight"] = (rows, columns)
        shapes[f"{layer}.bias"] = (columns,)
    return shapes


@dataclass
class JaxModel:
    parameters: dict
    forward: Callable  # of parameters, inputs and a Step
    loss: str
    inputs: tuple  # the shape of one example
    target: str  # "labels", "signs", "bits" or "input": what it is trained on
    optimizer: str = "sgd,lr=0.1"
    classes: int = 10
    batch: int = 32
    running: dict = field(default_factory=dict)  # variables that are not trained
    dropouts: tuple = ()  # of each: its probability, and the shape of an example


def chain(names, activation, last=lambda x: x):
    """Linear layers with an activation between them, and one after the last."""

    def forward(p, x, step):
        x = x.reshape(x.shape[0], -1)
        for name in names[:-1]:
            x = activation(linear(p, name, x))
        return last(linear(p, names[-1], x))

    return forward


def mnist_cnn(p, x, step):
    x = max_pool(jax.nn.relu(conv(p, "conv1", x)))
    x = max_pool(jax.nn.relu(conv(p, "conv2", x)))
    return linear(p, "dense", x.reshape(x.shape[0], -1))


def cifar10_cnn(p, x, step):
    x = jax.nn.relu(conv(p, "conv2", jax.nn.relu(conv(p, "conv1", x))))
    x = step.dropout(max_pool(x), 0.25)
    x = jax.nn.relu(conv(p, "conv4", jax.nn.relu(conv(p, "conv3", x))))
    x = step.dropout(max_pool(x), 0.25)
    x = jax.nn.relu(linear(p, "dense1", x.reshape(x.shape[0], -1)))
    return linear(p, "dense2", step.dropout(x, 0.5))


def resnet8(p, x, step):
    def conv_norm(name, x, stride=1, edge=1):
        return step.batch_norm(p, f"{name}.norm", conv(p, name, x, stride, edge))

    x = jax.nn.relu(conv_norm("first", x))
    for block in ("block1", "block2", "block3"):
        narrows = f"{block}.way.weight" in p
        stride = 2 if narrows else 1
        y = conv_norm(f"{block}.conv2", jax.nn.relu(conv_norm(f"{block}.conv1", x, stride)))
        x = jax.nn.relu(y + (conv_norm(f"{block}.way", x, stride, 0) if narrows else x))
    return linear(p, "dense", x.mean((1, 2)))


RESNET8 = {"first": (3, 3, 3, 16), "block1.conv1": (3, 3, 16, 16), "block1.conv2": (3, 3, 16, 16),
           "block2.conv1": (3, 3, 16, 32), "block2.conv2": (3, 3, 32, 32),
           "block2.way": (1, 1, 16, 32), "block3.conv1": (3, 3, 32, 64),
           "block3.conv2": (3, 3, 64, 64), "block3.way": (1, 1, 32, 64)}


def of_norms(convs, *parts):
    """The variables of the normalisations behind convolutions."""
    return {f"{name}.norm.{part}": shape[-1:] for name, shape in convs.items() for part in parts}


AUTOENCODER = [784, 128, 64, 36, 18, 9, 18, 36, 64, 128, 784]
AUTOENCODER_LAYERS = [f"dense{i}" for i in range(1, len(AUTOENCODER))]
IMAGE, PHOTOGRAPH = (28, 28, 1), (32, 32, 3)


def autoencoder(p, x, step):
    return chain(AUTOENCODER_LAYERS, jax.nn.relu, jax.nn.sigmoid)(p, x, step).reshape(x.shape)


def single_layer(p, x, step):
    return x @ p["weight"] + p["bias"]


# Where a model ends in softmax, the loss is that of the probabilities' logarithms.
MODELS = {
    "perceptron": JaxModel({"weight": (2, 1), "bias": (1,)}, single_layer, "hinge", (2,), "signs",
                           classes=1),
    "logistic-regression": JaxModel({"weight": (2, 1), "bias": (1,)}, single_layer,
                                    "bce_with_logits", (2,), "bits", classes=1),
    "xor": JaxModel(dense_parameters(["hidden", "out"], 2, 8, 1),
                    chain(["hidden", "out"], jnp.tanh, jax.nn.sigmoid), "bce", (2,), "bits",
                    "sgd,lr=0.1,momentum=0.9,nesterov=true,weight_decay=0.001", classes=1),
    "mlp-sigmoid": JaxModel(dense_parameters(["hidden", "out"], 784, 10, 10),
                            chain(["hidden", "out"], jax.nn.sigmoid), "cross_entropy", IMAGE,
                            "labels"),
    "mlp": JaxModel(dense_parameters(["dense1", "dense2", "dense3"], 784, 128, 64, 10),
                    chain(["dense1", "dense2", "dense3"], jax.nn.relu), "cross_entropy", IMAGE,
                    "labels", "sgd,lr=0.01,momentum=0.9", batch=64),
    "autoencoder": JaxModel(dense_parameters(AUTOENCODER_LAYERS, *AUTOENCODER), autoencoder, "mse",
                            IMAGE, "input", "adam,lr=0.001,weight_decay=1e-8", batch=128),
    "mnist-cnn": JaxModel(
        {"conv1.weight": (5, 5, 1, 32), "conv1.bias": (32,), "conv2.weight": (5, 5, 32, 64),
         "conv2.bias": (64,), **dense_parameters(["dense"], 1024, 10)},
        mnist_cnn, "cross_entropy", IMAGE, "labels", "sgd,lr=0.01"),
    "cifar10-cnn": JaxModel(
        {"conv1.weight": (3, 3, 3, 32), "conv1.bias": (32,), "conv2.weight": (3, 3, 32, 32),
         "conv2.bias": (32,), "conv3.weight": (3, 3, 32, 64), "conv3.bias": (64,),
         "conv4.weight": (3, 3, 64, 64), "conv4.bias": (64,),
         **dense_parameters(["dense1", "dense2"], 1600, 128, 10)},
        cifar10_cnn, "cross_entropy", PHOTOGRAPH, "labels", "sgd,lr=0.001",
        batch=8, dropouts=((0.25, (14, 14, 32)), (0.25, (5, 5, 64)), (0.5, (128,)))),
    "resnet8": JaxModel(
        {**{f"{name}.weight": shape for name, shape in RESNET8.items()},
         **of_norms(RESNET8, "scale", "bias"), **dense_parameters(["dense"], 64, 10)},
        resnet8, "cross_entropy", PHOTOGRAPH, "labels", "sgd,lr=0.001,momentum=0.9",
        batch=8, running=of_norms(RESNET8, "mean", "variance")),
}
