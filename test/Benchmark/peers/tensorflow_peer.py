"""TensorFlow, tf.function."""

import os


def start(threads):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def forward(tf, layers, p, x):
    for i, (kind, *_) in enumerate(layers):
        if kind == "dense":
            x = tf.nn.bias_add(tf.matmul(x, p[f"w{i}"]), p[f"b{i}"])
        elif kind == "conv":
            x = tf.nn.bias_add(tf.nn.conv2d(x, p[f"w{i}"], 1, "VALID"), p[f"b{i}"])
        elif kind == "pool":
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        elif kind == "flatten":
            x = tf.reshape(x, [x.shape[0], -1])
        else:
            x = {"relu": tf.nn.relu, "sigmoid": tf.nn.sigmoid}[kind](x)
    return x


def make_step(row):
    import numpy as np
    import tensorflow as tf
    from jax_peer import parameters
    from rows import settings

    rng = np.random.default_rng(0)
    x = tf.constant(rng.random((row.batch, *row.inputs), np.float32))
    labels = tf.constant(rng.integers(0, 10, row.batch).astype(np.int32))
    p = {name: tf.Variable(value) for name, value in parameters(row.layers, rng).items()}
    variables = list(p.values())
    name, s = settings(row.optimizer)
    means = [tf.Variable(tf.zeros_like(v)) for v in variables]
    variances = [tf.Variable(tf.zeros_like(v)) for v in variables]
    count = tf.Variable(0.0)

    def adam(gradients):
        # TensorFlow's own fused kernel; weight decay as L2, added to the gradient.
        count.assign_add(1.0)
        for v, g, m, u in zip(variables, gradients, means, variances):
            tf.raw_ops.ResourceApplyAdam(
                var=v.handle, m=m.handle, v=u.handle, beta1_power=0.9**count,
                beta2_power=0.999**count, lr=s["lr"], beta1=0.9, beta2=0.999, epsilon=1e-8,
                grad=g + s.get("weight_decay", 0) * v)

    @tf.function
    def train(x, labels):
        with tf.GradientTape() as tape:
            y = forward(tf, row.layers, p, x)
            if row.loss == "mse":
                value = tf.reduce_mean(tf.square(y - x))
            else:
                value = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels, y))
        gradients = tape.gradient(value, variables)
        if name == "adam":
            adam(gradients)
        else:
            for v, g in zip(variables, gradients):
                v.assign_sub(s["lr"] * g)
        return value

    return lambda: train(x, labels).numpy()
