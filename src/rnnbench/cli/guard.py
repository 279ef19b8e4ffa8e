"""The `rnnbench` command, each stage in a process of its own: what kills it can be told.

A stage that runs out of memory is ended by the system or by a library, without a word of Python.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
import threading

# The names that dvc.yaml calls; other commands work on what these have left.
_STAGES = frozenset({"download", "preprocess", "train", "evaluate", "report"})
_CUT_OFF = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
# By which the system, or a library that gets no memory, ends a process.
_OF_MEMORY = {signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS}


def main() -> None:
    """Run the command line; a stage that a signal has ended gives 128 and the signal's number."""
    # What is frozen is not searched for cycles at the end: TensorFlow's objects take a second.
    atexit.register(gc.freeze)
    if sys.argv[1:] and sys.argv[1] in _STAGES:
        _in_child()
    try:
        # Here because the waiting parent needs none of it.
        from rnnbench.cli.main import main as command

        command()
    # Before click, which has an answer of its own, is there.
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _in_child() -> None:
    """Go on in a child only. The parent ends as the child does; the child ends with the parent."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        threading.Thread(target=_end_with_parent, args=(reading,), daemon=True).start()
        return
    os.close(reading)
    # Ctrl-C reaches the child too, which answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def forward(received: int, _: object) -> None:
        # A signal to the whole group may have ended it already.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, received)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if status >= 0:
        sys.exit(status)
    if -status not in _CUT_OFF:
        _tell(-status)
    sys.exit(128 - status)


def _end_with_parent(reading: int) -> None:
    # The parent writes nothing: reading ends when it does.
    os.read(reading, 1)
    os._exit(1)


def _tell(number: int) -> None:
    from rnnbench.cli.common import print_error

    stage = os.environ.get("DVC_STAGE")
    what = " ".join(["rnnbench", *sys.argv[1:]]) + (f" ({stage})" if stage else "")
    reason = signal.strsignal(number) or "unknown"
    text = f"{what} was ended by signal {number} ({reason})"
    if number in _OF_MEMORY:
        text += (
            ", most likely because memory ran out.\nRun dvc repro again: a training goes on from "
            "its last checkpoint. Fewer trainings side by side\n(make reproduce JOBS=1) and a "
            "smaller batch_size need less"
        )
    print_error(text)
