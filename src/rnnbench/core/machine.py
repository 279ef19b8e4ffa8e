"""The machine that made a result, and whether it makes the same bytes as others."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from rnnbench.core.doctor import cpuinfo
from rnnbench.core.environment import IS_X86, SETTINGS
from rnnbench.core.schema import Schema
from rnnbench.core.versions import pinned, versions

# What XLA and the kernels that `environment` chooses use.
NEEDED = ("avx2", "fma")
_NUMBERS = ("cpu family", "model", "stepping")
_SHOWN = re.compile(r"sse4|avx|fma|f16c|bmi|amx")


class Machine(Schema):
    """What can decide the speed of a training, and the bytes of its results.

    cpu: the model, with the numbers of family, model and stepping.
    instructions: the vector instruction sets of the CPU, in Linux's words.
    system: operating system and C library.
    python: the version of Python.
    versions: those of `rnnbench.core.versions.LIBRARIES`.
    """

    cpu: str
    instructions: list[str]
    system: str
    python: str
    versions: dict[str, str]


def this_machine() -> Machine:
    """The machine that runs this process."""
    info = cpuinfo()
    name = info.get("model name") or platform.processor() or platform.machine()
    numbers = [f"{key.split()[-1]} {info[key]}" for key in _NUMBERS if key in info]
    return Machine(
        cpu=f"{name} ({', '.join(numbers)})" if numbers else name,
        instructions=[flag for flag in info.get("flags", "").split() if _SHOWN.match(flag)],
        system=" ".join([platform.system(), *platform.libc_ver()]).strip(),
        python=platform.python_version(),
        versions=versions(),
    )


def differences(machine: Machine, lock: Path) -> list[str]:
    """Why results on `machine` may differ from those of other machines; empty if they do not.

    lock: requirements.txt, with the pinned versions.
    """
    found = []
    if not IS_X86 or platform.system() != "Linux":
        found.append("only Linux on x86-64 is known to give the same bytes")
    elif missing := [name for name in NEEDED if name not in machine.instructions]:
        found.append(f"the CPU lacks {' and '.join(missing)}")
    if "GLIBC_TUNABLES" in os.environ:
        found.append("GLIBC_TUNABLES may choose other mathematical functions")
    locked = pinned(lock)
    for name, version in machine.versions.items():
        if version not in locked.get(name, {version}):
            expected = " or ".join(sorted(locked[name]))
            found.append(f"{name} is {version}, and {lock.name} pins {expected}")
    return found


def stamp() -> str:
    """All versions and settings that can change the bytes of an output, one a line."""
    return "".join(f"{key} {value}\n" for key, value in (versions() | SETTINGS).items())
