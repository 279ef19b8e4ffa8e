"""The `rnnbench` command, each stage in a child process, so that its death can be reported.

The kernel or a library kills a stage that is out of memory; Python cannot catch that.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import resource
import signal
import sys
import threading
import warnings
from itertools import takewhile
from pathlib import Path

import rnnbench
from rnnbench.cli.failures import DEBUG, print_error, report
from rnnbench.core.environment import INHERITED
from rnnbench.core.root import find_root

# The subcommands that dvc.yaml calls, but for `study`: other processes train for it.
_STAGES = frozenset(
    {"check", "download", "preprocess", "train", "evaluate", "report", "cost", "article"}
)
# Holds the id of a process that has started itself again, which keeps it; a child has another one.
_RESTARTED = "RNNBENCH_RESTARTED"
_INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
# The signals by which a library that gets no memory ends its process.
_CRASHES = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS}


def main() -> None:
    """Run the command line; the exit status is 128 + the number of a signal that ended a stage."""
    # Without this, the last garbage collection takes a second for TensorFlow's objects.
    atexit.register(gc.freeze)
    # The options of `rnnbench` itself are flags.
    options = list(takewhile(lambda argument: argument.startswith("-"), sys.argv[1:]))
    subcommand = "".join(sys.argv[1 + len(options) :][:1])
    if "--debug" in options:
        os.environ[DEBUG] = "1"
    # Warnings of libraries are no errors here, whatever PYTHONWARNINGS says.
    if any(option.startswith("error") for option in sys.warnoptions):
        warnings.simplefilter("default")
    try:
        _run_own_code()
        if subcommand in _STAGES:
            _fork()
        # Imported here because the waiting parent needs none of it.
        from rnnbench.cli.main import main as command

        command()
    # Of an interruption during the import; later ones are handled by click.
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    # Of the imports and the command line; those of a subcommand are reported there.
    except Exception as error:
        report(error)
        sys.exit(1)


def _run_own_code() -> None:
    """Start again with the package of the project that this process runs in, if it has another.

    Copies of a project (queued experiments, worktrees) use its environment, where one of them is
    installed. A result must come from the code that DVC has hashed for it.
    """
    try:
        root = find_root(Path.cwd())
    except FileNotFoundError:
        print_error("the current folder does not exist any more; cd into the project again")
        sys.exit(1)
    package = (root / "src" / "rnnbench").resolve() if root else None
    running = Path(rnnbench.__file__).resolve().parent
    if package is None or package == running or not package.is_dir():
        return
    source, process = package.parent, str(os.getpid())
    if os.pathsep in str(source):
        print_error(
            f"{source} has a '{os.pathsep}' in its name, which PYTHONPATH cannot hold: "
            "rename the folder"
        )
        sys.exit(1)
    if INHERITED.get(_RESTARTED) == process or not (package / "cli" / "guard.py").is_file():
        print_error(f"cannot run the code in {source} with {sys.prefix}; in {root}, run make env")
        sys.exit(1)
    path = os.pathsep.join(
        [str(source), *filter(None, INHERITED.get("PYTHONPATH", "").split(os.pathsep))]
    )
    command = [sys.executable, *sys.orig_argv[1:]]
    variables = INHERITED | {"PYTHONPATH": path, _RESTARTED: process}
    os.execve(sys.executable, command, variables)  # noqa: S606


def _fork() -> None:
    """Return in a child process only.

    The parent exits with the child's status, and the child exits if the parent dies.
    """
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.close(writing)
        threading.Thread(target=_exit_with_parent, args=(reading,), daemon=True).start()
        return
    os.close(reading)
    # Ctrl-C reaches the child too, which handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def forward(received: int, _: object) -> None:
        # A signal to the whole process group may have ended the child already.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, received)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status >= 0:
        sys.exit(status)
    if -status not in _INTERRUPTIONS:
        _report(-status)
    sys.exit(128 - status)


def _exit_with_parent(reading: int) -> None:
    # The parent never writes, so the read returns at its death.
    os.read(reading, 1)
    os._exit(1)


def _report(number: int) -> None:
    from rnnbench.core import doctor

    stage = os.environ.get("DVC_STAGE")
    command = " ".join(["rnnbench", *sys.argv[1:]]) + (f" ({stage})" if stage else "")
    text = f"{command} was killed by signal {number} ({signal.strsignal(number)})"
    cpu = doctor.cpuinfo().get("model name", "unknown")
    # TensorFlow aborts if it finds no AVX; other libraries do not look.
    if number in (signal.SIGILL, signal.SIGABRT) and doctor.lacks_avx():
        text += f":\nthis TensorFlow needs AVX, which the CPU lacks ({cpu})"
    elif number == signal.SIGILL:
        text += f":\na library uses an instruction that the CPU lacks ({cpu})"
    # The kernel kills; without a limit on its address space, a process always gets memory.
    elif number == signal.SIGKILL or (number in _CRASHES and _memory_is_limited()):
        text += (
            ", probably out of memory.\nRun dvc repro again: a training resumes from its last "
            "checkpoint. Fewer parallel trainings\n(make reproduce JOBS=1) and a smaller "
            "batch_size need less memory"
        )
    print_error(text)


def _memory_is_limited() -> bool:
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    if any(resource.getrlimit(kind)[0] != resource.RLIM_INFINITY for kind in kinds):
        return True
    try:
        return Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "2"
    except OSError:
        return False
