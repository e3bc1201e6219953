"""JAX, jit: state donated, every step waited for."""

import os


def start(threads):
    if threads == 1:
        os.environ["XLA_FLAGS"] = ("--xla_cpu_multi_thread_eigen=false "
                                   "intra_op_parallelism_threads=1")
    import jax

    jax.config.update("jax_platforms", "cpu")


def forward(layers, p, x):
    import jax
    import jax.numpy as jnp

    for i, (kind, *_) in enumerate(layers):
        if kind == "dense":
            x = x @ p[f"w{i}"] + p[f"b{i}"]
        elif kind == "conv":
            x = jax.lax.conv_general_dilated(x, p[f"w{i}"], (1, 1), "VALID",
                                             dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = x + p[f"b{i}"]
        elif kind == "pool":
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        elif kind == "flatten":
            x = x.reshape(x.shape[0], -1)
        else:
            x = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[kind](x)
    return x


def parameters(layers, rng):
    import numpy as np

    p = {}
    for i, (kind, *extents) in enumerate(layers):
        if kind in ("dense", "conv"):
            shape = extents if kind == "dense" else [extents[0], *extents]
            p[f"w{i}"] = (0.05 * rng.standard_normal(shape)).astype(np.float32)
            p[f"b{i}"] = np.zeros(shape[-1], np.float32)
    return p


def updates(optimizer, jax):
    import jax.numpy as jnp
    from rows import settings

    name, s = settings(optimizer)
    if name == "sgd":
        return lambda w: (), lambda w, g, state: (jax.tree.map(lambda w, g: w - s["lr"] * g, w, g), ())

    def update(w, g, state):
        m, v, t = state
        t = t + 1
        g = jax.tree.map(lambda g, w: g + s.get("weight_decay", 0) * w, g, w)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        w = jax.tree.map(lambda w, m, v: w - s["lr"] * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), w, m, v)
        return w, (m, v, t)

    def begin(w):
        return jax.tree.map(jnp.zeros_like, w), jax.tree.map(jnp.zeros_like, w), jnp.float32(0)

    return begin, update


def make_step(row):
    import jax
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.random((row.batch, *row.inputs), np.float32))
    labels = jnp.asarray(rng.integers(0, 10, row.batch).astype(np.int32))

    def loss(p, x, labels):
        y = forward(row.layers, p, x)
        if row.loss == "mse":
            return jnp.mean((y - x) ** 2)
        return -jnp.mean(jax.nn.log_softmax(y)[jnp.arange(row.batch), labels])

    begin, update = updates(row.optimizer, jax)

    def train(p, state, x, labels):
        value, g = jax.value_and_grad(loss)(p, x, labels)
        return value, *update(p, g, state)

    train = jax.jit(train, donate_argnums=(0, 1))
    p = jax.tree.map(jnp.asarray, parameters(row.layers, rng))
    held = [p, begin(p)]

    def step():
        value, held[0], held[1] = train(held[0], held[1], x, labels)
        jax.block_until_ready((value, held))

    return step
