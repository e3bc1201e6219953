"""The models of examples/ written once more, in JAX, for comparison.

Each model names its parameters and their shapes, the loss it is trained with and
the optimiser's settings; nothing here is read from the model files.
"""

from dataclasses import dataclass
from typing import Callable

import jax
import jax.numpy as jnp


def linear(p, name, x):
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def conv(p, name, x):
    y = jax.lax.conv_general_dilated(
        x, p[f"{name}.weight"], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + p[f"{name}.bias"]


def max_pool(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


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
    forward: Callable
    loss: str
    inputs: tuple  # the shape of one example
    target: str  # "labels", "signs", "bits" or "input": what it is trained on
    optimizer: str = "sgd,lr=0.1"
    classes: int = 10
    batch: int = 32


def chain(names, activation, last=lambda x: x):
    """Linear layers with an activation between them, and one after the last."""

    def forward(p, x):
        x = x.reshape(x.shape[0], -1)
        for name in names[:-1]:
            x = activation(linear(p, name, x))
        return last(linear(p, names[-1], x))

    return forward


def mnist_cnn(p, x):
    x = max_pool(jax.nn.relu(conv(p, "conv1", x)))
    x = max_pool(jax.nn.relu(conv(p, "conv2", x)))
    return linear(p, "dense", x.reshape(x.shape[0], -1))


AUTOENCODER = [784, 128, 64, 36, 18, 9, 18, 36, 64, 128, 784]
AUTOENCODER_LAYERS = [f"dense{i}" for i in range(1, len(AUTOENCODER))]
IMAGE = (28, 28, 1)


def autoencoder(p, x):
    return chain(AUTOENCODER_LAYERS, jax.nn.relu, jax.nn.sigmoid)(p, x).reshape(x.shape)


def single_layer(p, x):
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
}
