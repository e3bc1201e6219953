"""Runs the examples of a README, in order, in an empty folder.

    run_readme.py README BUILD

`sh`: each command of each block must succeed; commands of tools/dev must exist.
`mlir` blocks that start with `// NAME` are written to that file first.
`cpp`: each block is compiled against the public headers alone, linked and run.
"""

import os
import pathlib
import re
import subprocess
import sys


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def run(command, **options):
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode != 0:
        sys.exit(f"README: {command} gave {result.returncode}\n{result.stdout}{result.stderr}")


def run_shell(readme, block):
    for command in block.splitlines():
        if not command.startswith("tools/dev/"):
            run(command, shell=True)
        elif not os.access(readme.parent / command.split()[0], os.X_OK):
            sys.exit(f"README: no program {command.split()[0]}")
        print("ran:", command)


def run_cpp(readme, block, build):
    pathlib.Path("example.cpp").write_text(block)
    libraries = sorted((build / "lib").glob("libDL*.a"))
    llvm = subprocess.run(["/usr/lib/llvm-22/bin/llvm-config", "--libdir"], capture_output=True,
                          text=True, check=True).stdout.strip()
    run(["clang++-22", "-std=c++20", "-Wall", "-Werror", f"-I{readme.parent / 'include'}", "-c",
         "example.cpp", "-o", "example.o"])
    run(["clang++-22", "-fuse-ld=lld-22", "example.o", "-o", "example", "-Wl,--start-group",
         *map(str, libraries), "-Wl,--end-group", f"-L{llvm}", f"-Wl,-rpath,{llvm}", "-lMLIR", "-lLLVM", "-lz",
         "-lpthread", "-lm"])
    run(["./example"])
    print("ran:", block.split("\n")[0])


def main():
    readme, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    text = readme.read_text()
    for block in blocks(text, "mlir"):
        pathlib.Path(re.match(r"// (\S+)", block)[1]).write_text(block)
    for block in blocks(text, "sh"):
        run_shell(readme, block)
    for block in blocks(text, "cpp"):
        run_cpp(readme, block, build)


main()
