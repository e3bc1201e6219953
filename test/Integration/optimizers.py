"""The optimisers of dlc written once more, in JAX."""

import jax
import jax.numpy as jnp


def parse(text):
    """`adam,lr=0.01` as ("adam", {"lr": 0.01})."""
    name, *settings = text.split(",")
    pairs = (setting.split("=") for setting in settings)
    return name, {key: value == "true" if key == "nesterov" else float(value)
                  for key, value in pairs}


def sgd(lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    def start(w):
        return jax.tree.map(jnp.zeros_like, w)

    def update(t, w, g, v):
        g = jax.tree.map(lambda g, w: g + weight_decay * w, g, w)
        v = jax.tree.map(lambda v, g: momentum * v + g, v, g)
        d = jax.tree.map(lambda v, g: g + momentum * v, v, g) if nesterov else v
        return jax.tree.map(lambda w, d: w - lr * d, w, d), v

    return start, update


def adam(lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    def start(w):
        zeros = jax.tree.map(jnp.zeros_like, w)
        return zeros, zeros

    def update(t, w, g, state):
        g = jax.tree.map(lambda g, w: g + weight_decay * w, g, w)
        m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state[0], g)
        v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state[1], g)
        c1, c2 = 1 - jnp.float32(beta1) ** t, 1 - jnp.float32(beta2) ** t
        w = jax.tree.map(lambda w, m, v: w - lr * (m / c1) / (jnp.sqrt(v / c2) + eps), w, m, v)
        return w, (m, v)

    return start, update


OPTIMIZERS = {"sgd": sgd, "adam": adam}


def train(loss, weights, batches, optimizer):
    """Losses of the steps, what the loss returns besides, and the weights after the last."""
    name, settings = parse(optimizer)
    start, update = OPTIMIZERS[name](**settings)

    @jax.jit
    def step(t, w, state, *batch):
        (value, seen), g = jax.value_and_grad(loss, has_aux=True)(w, *batch)
        return value, seen, *update(t, w, g, state)

    state, losses, notes = start(weights), [], []
    for t, batch in enumerate(batches, 1):
        value, seen, weights, state = step(jnp.float32(t), weights, state, *batch)
        losses.append(float(value))
        notes.append(seen)
    return losses, notes, weights
