"""Small .npy files without NumPy.

npy.py make FILE DTYPE EXTENT...   values 0.25, 0.5, ... (integers: 0, 1, 2, 0, ...)
npy.py weights FILE NAME=AxB...    a safetensors file: -3/64, -2/64, ... 3/64, -3/64, ...
npy.py near A B TOLERANCE          exits with 1 where the f4 arrays differ more; a
                                   safetensors file counts as one array
"""

import json
import math
import struct
import sys


def make(path, dtype, *extents):
    shape = tuple(int(extent) for extent in extents)
    count = 1
    for extent in shape:
        count *= extent
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %r, }" % (dtype, shape)
    header = header.encode().ljust(117) + b"\n"
    code = {"<f4": "f", "<f8": "d", "<i4": "i"}[dtype]
    values = [i % 3 if code == "i" else (i % 16 + 1) / 4 for i in range(count)]
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header)
        file.write(struct.pack("<%d%s" % (count, code), *values))


def weights(path, *tensors):
    header, values = {}, []
    for tensor in tensors:
        name, extents = tensor.split("=")
        shape = [int(extent) for extent in extents.split("x")]
        begin = 4 * len(values)
        values += [(i % 7 - 3) / 64 for i in range(math.prod(shape))]
        offsets = [begin, 4 * len(values)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + struct.pack("<%df" % len(values), *values))


def read(path):
    data = open(path, "rb").read()
    if data[:6] == b"\x93NUMPY":
        start = 10 + struct.unpack("<H", data[8:10])[0]
        assert b"'<f4'" in data[:start], "expected f4"
    else:
        start = 8 + struct.unpack("<Q", data[:8])[0]
    return struct.unpack("<%df" % ((len(data) - start) // 4), data[start:])


def near(a, b, tolerance):
    a, b = read(a), read(b)
    assert len(a) == len(b) != 0, "expected arrays of one size"
    worst = max(abs(x - y) for x, y in zip(a, b))
    assert worst <= float(tolerance), "largest difference %g" % worst


if __name__ == "__main__":
    {"make": make, "near": near, "weights": weights}[sys.argv[1]](*sys.argv[2:])
