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


MODELS = {
    "mnist-cnn": JaxModel(
        {"conv1.weight": (5, 5, 1, 32), "conv1.bias": (32,), "conv2.weight": (5, 5, 32, 64),
         "conv2.bias": (64,), **dense_parameters(["dense"], 1024, 10)},
        mnist_cnn, "cross_entropy", (28, 28, 1), "labels", "sgd,lr=0.01"),
}
