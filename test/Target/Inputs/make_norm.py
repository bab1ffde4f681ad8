"""make_norm.py x.npy y.npy: an input of the norm in norm.mlir and what is expected, x / rms(x) * 2."""

import struct
import sys


def save(path, rows):
    """Writes a matrix of f32 as NPY 1.0."""
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d)}" % (len(rows), len(rows[0]))
    header = header.ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(b"".join(struct.pack("<f", value) for row in rows for value in row))


x = [[float(8 * row + column - 3) for column in range(8)] for row in range(2)]
save(sys.argv[1], x)
save(sys.argv[2], [[2 * value / (sum(v * v for v in row) / 8) ** 0.5 for value in row] for row in x])
