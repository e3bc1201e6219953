"""JAX, jit: state donated, every step waited for."""

import os


def start(threads):
    if threads == 1:
        os.environ["XLA_FLAGS"] = ("--xla_cpu_multi_thread_eigen=false "
                                   "intra_op_parallelism_threads=1")
    import jax

    jax.config.update("jax_platforms", "cpu")


def conv(x, w, stride, padding):
    import jax

    return jax.lax.conv_general_dilated(x, w, (stride, stride), [(padding, padding)] * 2,
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


def max_pool(x, window, stride, edge):
    import jax
    import jax.numpy as jnp

    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, window, window, 1),
                                 (1, stride, stride, 1), ((0, 0), (edge, edge), (edge, edge), (0, 0)))


class Forward:
    """The layers of a row at work: on parameters, running values and a random key."""

    def __init__(self, p, running, key):
        self.p, self.running, self.key = p, dict(running), key

    def layers(self, layers, x, path=""):
        for i, (kind, *settings) in enumerate(layers):
            x = getattr(self, kind)(x, f"{path}{i}", *settings)
        return x

    def dense(self, x, at, *_):
        return x @ self.p[f"w{at}"] + self.p[f"b{at}"]

    def conv(self, x, at, *_):
        return conv(x, self.p[f"w{at}"], 1, 0) + self.p[f"b{at}"]

    def conv_norm(self, x, at, window, inputs, outputs, stride):
        import jax

        x = conv(x, self.p[f"w{at}"], stride, window // 2)
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        for name, seen in (("mean", mean), ("variance", variance)):
            self.running[f"{name}{at}"] = 0.9 * self.running[f"{name}{at}"] + 0.1 * seen
        return (x - mean) * (jax.lax.rsqrt(variance + 1e-5) * self.p[f"s{at}"]) + self.p[f"b{at}"]

    def pool(self, x, at, window, stride, edge):
        return max_pool(x, window, stride, edge)

    def dropout(self, x, at, p):
        import jax
        import jax.numpy as jnp

        self.key, key = jax.random.split(self.key)
        return jnp.where(jax.random.bernoulli(key, 1 - p, x.shape), x / (1 - p), 0)

    def residual(self, x, at, layers, around):
        return self.layers(layers, x, f"{at}.") + self.layers(around, x, f"{at}.around.")

    def mean(self, x, at):
        return x.mean((1, 2))

    def flatten(self, x, at):
        return x.reshape(x.shape[0], -1)

    def relu(self, x, at):
        import jax

        return jax.nn.relu(x)

    def sigmoid(self, x, at):
        import jax

        return jax.nn.sigmoid(x)


def variables(layers, rng, path=""):
    """Parameters and running values, by name: of weights, biases and scales, w, b and s."""
    import numpy as np

    p, running = {}, {}
    for i, (kind, *settings) in enumerate(layers):
        at = f"{path}{i}"
        if kind in ("dense", "conv", "conv_norm"):
            shape = settings if kind == "dense" else [settings[0], *settings[:3]]
            spread = 0.05 if kind != "conv_norm" else np.sqrt(2 / np.prod(shape[:-1]))
            p[f"w{at}"] = (spread * rng.standard_normal(shape)).astype(np.float32)
            p[f"b{at}"] = np.zeros(shape[-1], np.float32)
        if kind == "conv_norm":
            p[f"s{at}"] = np.ones(shape[-1], np.float32)
            running[f"mean{at}"] = np.zeros(shape[-1], np.float32)
            running[f"variance{at}"] = np.ones(shape[-1], np.float32)
        if kind == "residual":
            for inner, name in zip(settings, (f"{at}.", f"{at}.around.")):
                for all_, more in zip((p, running), variables(inner, rng, name)):
                    all_.update(more)
    return p, running


def updates(optimizer, jax):
    import jax.numpy as jnp
    from rows import settings

    name, s = settings(optimizer)
    if name == "sgd" and "momentum" not in s:
        return lambda w: (), lambda w, g, state: (jax.tree.map(lambda w, g: w - s["lr"] * g, w, g), ())
    if name == "sgd":
        def follow(w, g, v):
            v = jax.tree.map(lambda v, g: s["momentum"] * v + g, v, g)
            return jax.tree.map(lambda w, v: w - s["lr"] * v, w, v), v

        return lambda w: jax.tree.map(jnp.zeros_like, w), follow

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
    labels = jnp.asarray(rng.integers(0, row.classes, row.batch).astype(np.int32))

    def loss(p, running, key, x, labels):
        forward = Forward(p, running, key)
        y = forward.layers(row.layers, x)
        if row.loss == "mse":
            value = jnp.mean((y - x) ** 2)
        else:
            value = -jnp.mean(jax.nn.log_softmax(y)[jnp.arange(row.batch), labels])
        return value, (forward.running, forward.key)

    begin, update = updates(row.optimizer, jax)

    def train(p, state, rest, x, labels):
        (value, rest), g = jax.value_and_grad(loss, has_aux=True)(p, *rest, x, labels)
        return value, *update(p, g, state), rest

    train = jax.jit(train, donate_argnums=(0, 1, 2))
    p, running = jax.tree.map(jnp.asarray, variables(row.layers, rng))
    held = [p, begin(p), (running, jax.random.key(0))]

    def step():
        value, *held[:] = train(*held, x, labels)
        jax.block_until_ready((value, held))

    return step
