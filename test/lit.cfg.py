"""The lit tests: one folder a phase.

Environment: DLC_DATA, where the data sets lie (default: shared/data beside the
project). Features: mnist, cifar10 (the data set is there), jax (the test
environment has it), sse4, avx2, avx512 (the machine has them), qemu-aarch64,
qemu-riscv64 (the emulator and the C library are there), sanitizers.
"""

import os
import pathlib
import shutil

import lit.formats

source = pathlib.Path(config.dl_source_root)
build = pathlib.Path(config.dl_build_root)

config.name = "dlc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = str(source / "test")
config.test_exec_root = str(build / "test")

# Not lit tests: inputs, programs with a configuration of their own, pytest.
config.excludes = ["Inputs", "Unit", "Integration", "Benchmark", "tools"]
if lit_config.params.get("fast"):
    config.excludes += ["Train", "Driver", "Tree"]


def data_folder():
    """The folder of the data sets, beside the project or named by DLC_DATA."""
    if "DLC_DATA" in os.environ:
        return pathlib.Path(os.environ["DLC_DATA"])
    beside = [root / "shared" / "data" for root in source.parents]
    return next((folder for folder in beside if folder.is_dir()), source.parent / "shared" / "data")


def cpu_flags():
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("flags"):
                return set(line.split())
    except OSError:
        pass
    return set()


def test_python():
    """The test environment's Python (see tools/dev/test), or the system's."""
    folder = pathlib.Path(os.environ.get("DLC_VENV", source / ".venv-test"))
    python = folder / "bin" / "python"
    return python if python.exists() else pathlib.Path("/usr/bin/python3")


data, python, flags = data_folder(), test_python(), cpu_flags()

if any((data / "mnist").glob("t10k-images*")):
    config.available_features.add("mnist")
if any((data / "cifar10").glob("test_batch*")):
    config.available_features.add("cifar10")
if any(python.parent.parent.glob("lib/python3*/site-packages/jax")):
    config.available_features.add("jax")
if {"sse4_2", "popcnt"} <= flags:
    config.available_features.add("sse4")
if {"avx2", "fma"} <= flags:
    config.available_features.add("avx2")
if {"avx512f", "avx512vl", "avx512dq", "avx512bw"} <= flags:
    config.available_features.add("avx512")
for arch in ("aarch64", "riscv64"):
    if shutil.which("qemu-" + arch) and pathlib.Path(f"/usr/{arch}-linux-gnu/lib/crt1.o").exists():
        config.available_features.add("qemu-" + arch)
if (build / "bin" / "dlc").exists():
    config.available_features.add("dlc")
if config.dl_sanitize:
    config.available_features.add("sanitizers")

config.substitutions += [
    ("%data", str(data)),
    ("%examples", str(source / "examples")),
    ("%source", str(source)),
    ("%build", str(build)),
    ("%python", str(python)),
]

config.environment["PATH"] = os.pathsep.join(
    [str(build / "bin"), config.llvm_tools_dir, os.environ.get("PATH", "")]
)
config.environment["DLC_DATA"] = str(data)
# No folder: tests compile what they test, and leave the user's cache alone.
config.environment["XDG_CACHE_HOME"] = "/dev/null"
for name in ("HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
