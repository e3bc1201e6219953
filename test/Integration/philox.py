"""Philox4x32-10 (Salmon et al., SC 2011) in NumPy, and the masks of dl.dropout."""

import numpy as np

MULTIPLIERS, WEYL, LOW = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85), 0xFFFFFFFF


def philox(counter, key):
    """The four words of a block; counter and key are sequences of words, or of arrays of them."""
    x = [np.asarray(word, np.uint64) for word in counter]
    key = [int(word) for word in key]
    for _ in range(10):
        a, b = (x[2 * i] * np.uint64(MULTIPLIERS[i]) for i in range(2))
        x = [(b >> np.uint64(32)) ^ x[1] ^ np.uint64(key[0]), b & np.uint64(LOW),
             (a >> np.uint64(32)) ^ x[3] ^ np.uint64(key[1]), a & np.uint64(LOW)]
        key = [(word + weyl) & LOW for word, weyl in zip(key, WEYL)]
    return x


def dropout_mask(seed, stream, step, p, shape):
    """Which elements stay."""
    count = int(np.prod(shape))
    index = np.arange(-(-count // 4), dtype=np.uint64)
    words = philox([index, stream, step & LOW, step >> 32], [seed & LOW, seed >> 32])
    words = np.stack(np.broadcast_arrays(*words), axis=-1).reshape(-1)[:count]
    return (words >= p * 2.0**32).reshape(shape)
