"""Compiles each public header by itself: compile_headers.py SOURCE."""

import pathlib
import subprocess
import sys

include = pathlib.Path(sys.argv[1]) / "include"
for header in sorted((include / "dl").glob("*.h")):
    subprocess.run(["clang++-22", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                    f"-I{include}", "-include", header, "-x", "c++", "/dev/null"], check=True)
    print(f"compiled {header.name}")
