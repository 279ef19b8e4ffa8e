"""The `rnnbench` command, each stage in a child process, so that its death can be reported.

The kernel or a library kills a stage that is out of memory; Python cannot catch that.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
import threading

# The subcommands that dvc.yaml calls.
_STAGES = frozenset(
    {"check", "download", "preprocess", "train", "evaluate", "report", "cost", "article"}
)
_INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
# The signals by which the kernel, or a library that gets no memory, ends a process.
_OUT_OF_MEMORY = {signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS}


def main() -> None:
    """Run the command line; the exit status is 128 + the number of a signal that ended a stage."""
    # Without this, the last garbage collection takes a second for TensorFlow's objects.
    atexit.register(gc.freeze)
    if sys.argv[1:] and sys.argv[1] in _STAGES:
        _fork()
    try:
        # Imported here because the waiting parent needs none of it.
        from rnnbench.cli.main import main as command

        command()
    # Of an interruption during the import; later ones are handled by click.
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


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
    from rnnbench.cli.common import print_error

    stage = os.environ.get("DVC_STAGE")
    command = " ".join(["rnnbench", *sys.argv[1:]]) + (f" ({stage})" if stage else "")
    text = f"{command} was killed by signal {number} ({signal.strsignal(number)})"
    if number in _OUT_OF_MEMORY:
        text += (
            ", probably out of memory.\nRun dvc repro again: a training resumes from its last "
            "checkpoint. Fewer parallel trainings\n(make reproduce JOBS=1) and a smaller "
            "batch_size need less memory"
        )
    print_error(text)
