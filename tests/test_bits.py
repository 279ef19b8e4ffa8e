"""The same bytes on every x86-64 CPU, under an emulated one and in any environment."""

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

import pytest

from rnnbench.core.machine import NEEDED, this_machine

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tests" / "fingerprint.py"
EMULATOR = shutil.which("qemu-x86_64")
# AVX2 without AVX-512, from both manufacturers.
CPUS = ("Haswell-noTSX", "EPYC-Rome")
HERE = platform.system() == "Linux" and set(NEEDED) <= set(this_machine().instructions)

pytestmark = pytest.mark.skipif(not HERE, reason="promised on Linux and CPUs with AVX2 only")
needs_objdump = pytest.mark.skipif(
    shutil.which("objdump") is None, reason="needs objdump: install binutils"
)
emulated = pytest.mark.skipif(EMULATOR is None, reason="needs qemu-x86_64: install qemu-user")


def run(*arguments: object, cpu: str | None = None, **environment: str) -> dict[str, str]:
    """The hashes that fingerprint.py prints, by name."""
    paths = [ROOT / "src", ROOT, sysconfig.get_paths()["purelib"]]
    path = os.pathsep.join(map(str, paths))
    # An emulated `python` of a virtual environment would start the real one.
    command = [EMULATOR, "-cpu", cpu, sys._base_executable] if cpu else [sys.executable]
    result = subprocess.run(
        [*map(str, command), str(SCRIPT), *map(str, arguments)],
        env=os.environ | environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    lines = (line.rpartition(": ") for line in result.stdout.splitlines())
    return {name: value for name, _, value in lines}


native = cache(run)


def differing(a: dict[str, str], b: dict[str, str]) -> list[str]:
    assert a.keys() == b.keys()
    return [name for name in a if a[name] != b[name]]


@emulated
@pytest.mark.parametrize("cpu", [CPUS[0], pytest.param(CPUS[1], marks=pytest.mark.full)])
def test_an_operation_has_the_same_result_on_another_cpu(cpu: str) -> None:
    assert differing(native("ops"), run("ops", cpu=cpu)) == []


@emulated
@pytest.mark.full
@pytest.mark.parametrize("cpu", CPUS)
def test_a_training_has_the_same_result_on_another_cpu(cpu: str) -> None:
    assert differing(native("cells"), run("cells", cpu=cpu)) == []


@pytest.mark.parametrize("what", ["ops", pytest.param("cells", marks=pytest.mark.full)])
def test_no_variable_of_the_shell_changes_a_result(tmp_path: Path, what: str) -> None:
    tmp_path.joinpath("keras.json").write_text('{"floatx": "float64", "epsilon": 0.1}')
    hostile = {
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=true --xla_cpu_max_isa=SSE4_2",
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
        "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "1",
        "DNNL_MAX_CPU_ISA": "SSE41",
        "KERAS_HOME": str(tmp_path),
        "KERAS_BACKEND": "jax",
        "OMP_NUM_THREADS": "8",
        "OPENBLAS_NUM_THREADS": "8",
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_ENABLE_CPU_FEATURES": "AVX512F",
    }
    assert differing(native(what), run(what, **hostile)) == []


@needs_objdump
def test_programs_hold_no_approximate_instruction_and_call_no_library(tmp_path: Path) -> None:
    """An emulator computes approximate reciprocals exactly, so that it would not notice them."""
    run("cells", "--dump", tmp_path / "cells")
    assert approximations(tmp_path / "cells") == set()
    assert library_calls(tmp_path / "cells") == []

    # This would notice them.
    without = "xla_cpu_disable_platform_dependent_math,"
    run("ops", "--dump", tmp_path / "ops", "--without", without)
    assert approximations(tmp_path / "ops") != set()


@needs_objdump
@pytest.mark.parametrize(
    "change",
    [["--library-gradients"], ["--without", "xla_force_enable_experimental_llvm_ir_gemm,"]],
)
def test_a_library_call_would_be_noticed(tmp_path: Path, change: list[str]) -> None:
    run("ops", "--dump", tmp_path, *change)
    assert library_calls(tmp_path) != []


def approximations(folder: Path) -> set[str]:
    """The approximate reciprocal instructions in the machine code of all programs."""
    listing = objdump("--disassemble", "--no-show-raw-insn", *folder.glob("*.o"))
    return set(re.findall(r"\tv?(?:rsqrt|rcp)\w*", listing))


def library_calls(folder: Path) -> list[str]:
    """The products of matrices for which a program calls a library, and all convolutions.

    XLA's own code for a product of m x k and k x n is a function named gemm_F32_MxKxN_...
    """
    found = []
    for program in folder.glob("*cpu_after_optimizations.txt"):
        text = program.read_text()
        found += re.findall(r" (?:convolution|custom-call)\(.*", text)
        objects = list(folder.glob(f"{program.name.partition('.')[0]}.*.o"))
        listing = objdump("--syms", *objects) if objects else ""
        own = set(re.findall(r"gemm_F32_(\d+x\d+x\d+)_", listing))
        shapes = dict(re.findall(r"%([\w.-]+) = f32\[(\d+,\d+)\]", text))
        for line in re.findall(r"%\S+ = \S+ dot\(.*", text):
            first, second = re.findall(r"%([\w.-]+)", line.partition(" dot(")[2])[:2]
            if first in shapes and second in shapes:
                (m, k), (_, n) = shapes[first].split(","), shapes[second].split(",")
                transposed = "lhs_contracting_dims={1}, rhs_contracting_dims={0}" not in line
                found += [line] if transposed or f"{m}x{k}x{n}" not in own else []
    return found


def objdump(*arguments: str | Path) -> str:
    return subprocess.run(
        ["objdump", *arguments], capture_output=True, text=True, check=True
    ).stdout
