"""Reads op names, one a line, and prints those without a test file of their own.

usage: untested-ops.py TEST_FOLDER < NAMES

An op `dl.name` is tested by Ops/name.mlir, an op that is structure by
IR/name.mlir. The file must run dlc-opt and name the op. Exits 1 where one lacks.
"""

import pathlib
import sys


def is_tested(folder, op):
    name = op.removeprefix("dl.")
    for kind in ("Ops", "IR"):
        file = folder / kind / f"{name}.mlir"
        if file.is_file():
            text = file.read_text()
            return "RUN: dlc-opt" in text and op in text
    return False


def main():
    folder = pathlib.Path(sys.argv[1])
    ops = sys.stdin.read().split()
    if not ops:
        sys.exit("untested-ops: no ops given")
    missing = sorted(op for op in ops if not is_tested(folder, op))
    for op in missing:
        print(f"error: {op} has no test: expected test/Ops/{op.removeprefix('dl.')}.mlir")
    print(f"{len(ops) - len(missing)} of {len(ops)} ops are tested")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
