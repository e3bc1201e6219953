"""TensorFlow, tf.function."""

import os


def start(threads):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


class Forward:
    """The layers of a row at work, by TensorFlow's own kernels."""

    def __init__(self, tf, p, running):
        self.tf, self.p, self.running = tf, p, running

    def layers(self, layers, x, path=""):
        for i, (kind, *settings) in enumerate(layers):
            x = getattr(self, kind)(x, f"{path}{i}", *settings)
        return x

    def dense(self, x, at, *_):
        return self.tf.nn.bias_add(self.tf.matmul(x, self.p[f"w{at}"]), self.p[f"b{at}"])

    def conv(self, x, at, *_):
        y = self.tf.nn.conv2d(x, self.p[f"w{at}"], 1, "VALID")
        return self.tf.nn.bias_add(y, self.p[f"b{at}"])

    def conv_norm(self, x, at, window, inputs, outputs, stride):
        edge = window // 2
        x = self.tf.nn.conv2d(x, self.p[f"w{at}"], stride,
                              [[0, 0], [edge, edge], [edge, edge], [0, 0]])
        x, mean, variance = self.tf.compat.v1.nn.fused_batch_norm(
            x, self.p[f"s{at}"], self.p[f"b{at}"], epsilon=1e-5)
        for name, seen in (("mean", mean), ("variance", variance)):
            value = self.running[f"{name}{at}"]
            value.assign_sub(0.1 * (value - seen))
        return x

    def pool(self, x, at, window, stride, edge):
        x = self.tf.pad(x, [[0, 0], [edge, edge], [edge, edge], [0, 0]]) if edge else x
        return self.tf.nn.max_pool2d(x, window, stride, "VALID")  # behind a relu 0 is the least

    def dropout(self, x, at, p):
        return self.tf.nn.dropout(x, p)

    def residual(self, x, at, layers, around):
        return self.layers(layers, x, f"{at}.") + self.layers(around, x, f"{at}.around.")

    def mean(self, x, at):
        return self.tf.reduce_mean(x, [1, 2])

    def flatten(self, x, at):
        return self.tf.reshape(x, [x.shape[0], -1])

    def relu(self, x, at):
        return self.tf.nn.relu(x)

    def sigmoid(self, x, at):
        return self.tf.nn.sigmoid(x)


def make_step(row):
    import jax_peer
    import numpy as np
    import tensorflow as tf
    from rows import settings

    rng = np.random.default_rng(0)
    x = tf.constant(rng.random((row.batch, *row.inputs), np.float32))
    labels = tf.constant(rng.integers(0, row.classes, row.batch).astype(np.int32))
    p, running = ({name: tf.Variable(value) for name, value in group.items()}
                  for group in jax_peer.variables(row.layers, rng))
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

    def sgd(gradients):
        for v, g, m in zip(variables, gradients, means):
            if "momentum" in s:
                tf.raw_ops.ResourceApplyMomentum(var=v.handle, accum=m.handle, lr=s["lr"], grad=g,
                                                 momentum=s["momentum"])
            else:
                v.assign_sub(s["lr"] * g)

    @tf.function
    def train(x, labels):
        with tf.GradientTape() as tape:
            y = Forward(tf, p, running).layers(row.layers, x)
            if row.loss == "mse":
                value = tf.reduce_mean(tf.square(y - x))
            else:
                value = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels, y))
        gradients = tape.gradient(value, variables)
        {"adam": adam, "sgd": sgd}[name](gradients)
        return value

    return lambda: train(x, labels).numpy()
