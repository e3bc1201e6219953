#!/usr/bin/env python3
"""Prints random models of smooth and piecewise smooth ops, for dl-check.

Usage: random-models.py --seed=N --count=N [--element=f64] [--extents=1,2,3] [--largest=60]

A model has up to three inputs and two parameters of small random shapes (scalars
among them), up to twelve ops that broadcast, share values and feed several
outputs, and may return an input. Of more than three extents each model takes 1 and
two others, so that shapes fit each other. The same seed prints the same models. To
shrink a model that fails, delete ops from its end: every value is a possible output.
"""

import argparse
import math
import random

UNARY = ["tanh", "sigmoid", "neg", "relu", "abs"]
BINARY = ["add", "sub", "mul", "maximum", "minimum"]
REDUCTIONS = ["sum", "mean", "max", "min"]
NORMALIZATIONS = ["softmax", "log_softmax"]


def broadcast(a, b):
    """NumPy's broadcast of two shapes, or None."""
    rank = max(len(a), len(b))
    pairs = zip([1] * (rank - len(a)) + a, [1] * (rank - len(b)) + b)
    shape = []
    for x, y in pairs:
        if x != y and 1 not in (x, y):
            return None
        shape.append(y if x == 1 else x)
    return shape


class Model:
    """A model under construction: its lines, and its values with their shapes."""

    def __init__(self, rng, options):
        self.rng, self.element, self.largest = rng, options.element, options.largest
        self.extents = options.extents
        if len(self.extents) > 3:
            self.extents = [1] + rng.sample(self.extents, 2)
        self.arguments, self.lines, self.values = [], [], []

    def type_of(self, shape):
        return f"tensor<{''.join(f'{extent}x' for extent in shape)}{self.element}>"

    def shape(self, ranks):
        return [self.rng.choice(self.extents) for _ in range(self.rng.choice(ranks))]

    def coin(self):
        return self.rng.random() < 0.5

    def leaves(self):
        for i in range(self.rng.randint(1, 3)):
            shape = self.shape([0, 1, 2, 2, 3])
            self.arguments.append(f"%x{i}: {self.type_of(shape)}")
            self.values.append((f"%x{i}", shape))
        for i in range(self.rng.randint(0, 2)):
            shape = self.shape([1, 2])
            self.lines.append(f'%w{i} = dl.parameter "w{i}" : {self.type_of(shape)}')
            self.values.append((f"%w{i}", shape))

    def emit(self, text, shape):
        name = f"%v{len(self.lines)}"
        self.lines.append(f"{name} = dl.{text}")
        self.values.append((name, shape))

    def unary(self, value, shape):
        self.emit(f"{self.rng.choice(UNARY)} {value}", shape)

    def binary(self, value, shape):
        other, other_shape = self.rng.choice(self.values)
        joined = broadcast(shape, other_shape)
        if joined is not None:
            self.emit(f"{self.rng.choice(BINARY)} {value}, {other}", joined)

    def select(self, value, shape):
        other, other_shape = self.rng.choice(self.values)
        joined = broadcast(shape, other_shape)
        if joined is not None:
            condition = f"%c{len(self.lines)}"
            self.lines.append(f"{condition} = dl.compare {value}, {other} {{predicate = lt}}")
            self.emit(f"select {condition}, {other}, {value}", joined)

    def reduce(self, value, shape):
        if not shape:
            return
        rank = len(shape)
        axes = self.rng.sample(range(rank), self.rng.randint(1, rank))
        keep = self.coin()
        reduced = [1 if axis in axes else extent for axis, extent in enumerate(shape)
                   if keep or axis not in axes]
        written = [axis - rank if self.coin() else axis for axis in axes]
        self.emit(f"{self.rng.choice(REDUCTIONS)} {value} "
                  f"{{axes = {written}, keepdims = {str(keep).lower()}}}", reduced)

    def normalize(self, value, shape):
        if shape:
            axis = self.rng.randrange(len(shape))
            self.emit(f"{self.rng.choice(NORMALIZATIONS)} {value} {{axis = {axis}}}", shape)

    def matmul(self, value, shape):
        for other, other_shape in self.rng.sample(self.values, len(self.values)):
            if len(shape) < 2 or len(other_shape) < 2:
                continue
            ta, tb = self.coin(), self.coin()
            m, k = reversed(shape[-2:]) if ta else shape[-2:]
            inner, n = reversed(other_shape[-2:]) if tb else other_shape[-2:]
            batch = broadcast(shape[:-2], other_shape[:-2])
            if k == inner and batch is not None:
                self.emit(f"matmul {value}, {other} {{transpose_a = {str(ta).lower()}, "
                          f"transpose_b = {str(tb).lower()}}}", batch + [m, n])
                return

    def transpose(self, value, shape):
        order = self.rng.sample(range(len(shape)), len(shape))
        self.emit(f"transpose {value} {{permutation = {order}}}", [shape[dim] for dim in order])

    def reshape(self, value, shape):
        target = [math.prod(shape)] if self.coin() else [1] + shape
        self.emit(f"reshape {value} {{shape = {target}}}", target)

    def broadcast_to(self, value, shape):
        target = [self.rng.choice([1, 2])] + [
            self.rng.choice([1, 3]) if extent == 1 else extent for extent in shape]
        self.emit(f"broadcast {value} {{shape = {target}}}", target)

    def build(self):
        kinds = ([self.unary] * 5 + [self.binary] * 5 + [self.select, self.reduce, self.reduce] +
                 [self.normalize, self.matmul, self.matmul, self.transpose, self.reshape,
                  self.broadcast_to])
        self.leaves()
        for _ in range(self.rng.randint(3, 12)):
            recent = self.values[-5:] if self.rng.random() < 0.6 else self.values
            self.rng.choice(kinds)(*self.rng.choice(recent))
            # Here the model ends.
            if math.prod(self.values[-1][1]) > self.largest:
                break
        count = min(len(self.values), self.rng.randint(1, 2))
        names = [name for name, _ in self.rng.sample(self.values, count) + self.values[-1:]]
        return list(dict.fromkeys(names))  # each once


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--element", choices=["f32", "f64"], default="f64")
    parser.add_argument("--extents", default=[1, 2, 3],
                        type=lambda text: [int(extent) for extent in text.split(",")])
    parser.add_argument("--largest", type=int, default=60)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    for i in range(options.count):
        model = Model(rng, options)
        outputs = model.build()
        body = "\n".join(f"  {line}" for line in model.lines)
        print(f"dl.model @random{i}({', '.join(model.arguments)}) {{\n{body}\n"
              f"  dl.return {', '.join(outputs)}\n}}\n")


if __name__ == "__main__":
    main()
