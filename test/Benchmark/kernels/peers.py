"""The libraries: installed, compiled, started, asked."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[2]
# DLC_BUILD names a build folder that is up to date.
BUILD = pathlib.Path(os.environ.get("DLC_BUILD", SOURCE / "build"))
PACKAGES = {"kernels": ["mkl-devel", "onednn-devel", "scipy-openblas32"], "torch": ["torch"],
            "plot": ["matplotlib"]}
NAMES = ("mkl", "openblas", "onednn-nhwc", "onednn", "torch")
# What keeps a library to the instructions that dlc has with --march.
INSTRUCTIONS = {
    "host": {},
    "avx512": {"MKL_ENABLE_INSTRUCTIONS": "AVX512", "OPENBLAS_CORETYPE": "SkylakeX",
               "ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "ATEN_CPU_CAPABILITY": "avx512"},
    "avx2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
             "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}}


def environment(name):
    """The folder of a virtual environment, which is made where it is missing."""
    folder = pathlib.Path(os.environ.get(f"DLC_VENV_{name.upper()}", SOURCE / f".venv-{name}"))
    if not (folder / "bin" / "python").exists():
        print(f"installing {' '.join(PACKAGES[name])} into {folder}", file=sys.stderr)
        subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q",
                        *PACKAGES[name]], check=True)
    return folder


def packages_of(folder):
    return next(folder.glob("lib/python3*/site-packages"))


def compile_worker(name, source, flags):
    """Compiles workers/SOURCE unless the program is newer than what it is made of."""
    program = BUILD / "bin" / f"kernel-worker-{name}"
    inputs = [HERE / "workers" / source, HERE / "workers" / "Worker.h",
              BUILD / "lib" / "libDLBench.a"]
    if program.exists() and all(program.stat().st_mtime >= f.stat().st_mtime for f in inputs):
        return
    compiler = shutil.which("clang++-22") or "c++"
    print(f"compiling {program.name}", file=sys.stderr)
    subprocess.run([compiler, "-std=c++20", "-O2", "-march=native", f"-I{SOURCE}/include",
                    f"-I{SOURCE}/tools/dlc", inputs[0], "-o", program, inputs[2],
                    *map(str, flags)], check=True)


def compile_kernels(name):
    folder = environment("kernels")
    lib, include = folder / "lib", folder / "include"
    blas = packages_of(folder) / "scipy_openblas32"
    if name == "mkl":
        compile_worker("mkl", "blas.cpp", ["-DDL_MKL", f"-I{include}", lib / "libmkl_rt.so.3",
                                           f"-Wl,-rpath,{lib}"])
    elif name == "openblas":
        compile_worker("openblas", "blas.cpp", [f"-I{blas}/include", f"-L{blas}/lib",
                                                "-lscipy_openblas", f"-Wl,-rpath,{blas}/lib"])
    else:
        compile_worker("onednn", "onednn.cpp", [f"-I{include}", f"-L{lib}", "-ldnnl",
                                                f"-Wl,-rpath,{lib}"])


def compile_torch():
    torch = packages_of(environment("torch")) / "torch"
    compile_worker("torch", "torch.cpp", [
        f"-isystem{torch}/include", f"-isystem{torch}/include/torch/csrc/api/include",
        f"-L{torch}/lib", "-Wl,--no-as-needed", "-ltorch_cpu", "-lc10", f"-Wl,-rpath,{torch}/lib"])


def prepare_library(name):
    if name == "torch":
        compile_torch()
    else:
        compile_kernels(name)


def prepare(names):
    """Builds dlc's worker and those of the named libraries. Returns the names of those that could
    be installed and compiled."""
    chosen = [name for name in names.split(",") if name]
    for name in chosen:
        if name not in NAMES:
            sys.exit(f"unknown library '{name}': expected {', '.join(NAMES)}")
    if "DLC_BUILD" not in os.environ:
        subprocess.run(["ninja", "-C", BUILD, "dl-kernel-worker"], check=True,
                       stdout=subprocess.DEVNULL)
    ready = []
    for name in chosen:
        try:
            prepare_library(name)
            ready.append(name)
        except (OSError, subprocess.CalledProcessError, StopIteration) as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
    return ready


class Died(Exception):
    """A worker ended; with the last line of its messages."""


class Worker:
    """A library in a process that waits for orders (workers/Worker.h)."""

    def __init__(self, command, threads, variables):
        self.command, self.variables = list(map(str, command)), variables
        self.cores = sorted(os.sched_getaffinity(0))[:threads]
        self.start()

    def start(self):
        self.messages = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.messages,
            text=True, env={**os.environ, **self.variables},
            preexec_fn=lambda: os.sched_setaffinity(0, self.cores))

    def ask(self, order):
        """The answer. Died: there is none; the worker has been started again."""
        try:
            print(order, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if answer:
            return answer.strip()
        status = self.process.wait()
        self.messages.seek(0)
        last = (self.messages.read().strip().splitlines() or [f"status {status}"])[-1]
        self.start()
        raise Died(f"{order.split()[0]}: {last}")

    def open(self, spec):
        """None, or why the library has no such kernel."""
        try:
            answer = self.ask(f"open {spec}")
        except Died as error:
            return str(error)
        return None if answer == "ok" else answer.removeprefix("skip ")

    def order(self, order):
        """The words of the answer after `ok`."""
        return self.ask(order).split()[1:]

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


def start(names, threads, march):
    """A worker for each name, on the first cores of this process."""
    programs = {"dlc": ["dl-kernel-worker", threads, march], "mkl": ["kernel-worker-mkl"],
                "openblas": ["kernel-worker-openblas"],
                "onednn-nhwc": ["kernel-worker-onednn", "plain"],
                "onednn": ["kernel-worker-onednn", "own"],
                "torch": ["kernel-worker-torch", threads]}
    return {name: Worker([BUILD / "bin" / programs[name][0], *programs[name][1:]], threads,
                         variables_of(name, threads) | INSTRUCTIONS[march]) for name in names}


def variables_of(name, threads):
    """What a library is told by its environment. Threads that wait for work spin, in these
    libraries: not for long, or they would spin into the turn of the next one."""
    variables = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads),
                 "MKL_NUM_THREADS": str(threads), "KMP_BLOCKTIME": "5",
                 "OPENBLAS_THREAD_TIMEOUT": "20",
                 "MKL_THREADING_LAYER": "SEQUENTIAL" if threads == 1 else "INTEL"}
    if name == "mkl" or name.startswith("onednn"):
        lib = environment("kernels") / "lib"
        variables |= {"LD_LIBRARY_PATH": str(lib), "OCL_ICD_FILENAMES": f"{lib}/libintelocl.so"}
    return variables


def scratch_file():
    """A file in memory where there is one, for results."""
    memory = pathlib.Path("/dev/shm")
    handle, name = tempfile.mkstemp(dir=memory if memory.is_dir() else None)
    os.close(handle)
    return pathlib.Path(name)


def plot(folder):
    """Draws FOLDER/roofline.png, in the environment that has matplotlib."""
    try:
        subprocess.run([environment("plot") / "bin" / "python", HERE / "roofline.py", folder],
                       check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no roofline.png: {error}", file=sys.stderr)
