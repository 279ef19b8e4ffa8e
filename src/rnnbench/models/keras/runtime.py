"""TensorFlow and Keras, imported late and set up to give the same bytes at every run."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import click

from rnnbench.core.errors import RnnbenchError


@functools.cache
def start() -> tuple[ModuleType, ModuleType]:
    """(tensorflow, keras), ready to train on one CPU thread.

    One thread a process: small recurrent networks gain nothing from a second one, sums keep
    their order whatever the number of cores, and variants can be trained side by side.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN chooses kernels by CPU type; without it fewer figures depend on the machine.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    # A step of training asks for its buffers anew. Given back to the system and mapped again each
    # time, 100 MB of them took longer than the arithmetic: every page is cleared at its first use.
    # This allocator, which TensorFlow otherwise has for GPUs stage_lock, keeps what is freed.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    with _quiet_stderr(), _no_collections():
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(1)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        tensorflow.config.set_visible_devices([], "GPU")
        # One program for each width of a batch is meant; TensorFlow warns of it.
        tensorflow.get_logger().setLevel("ERROR")
        import keras

    return tensorflow, keras


@contextmanager
def keras_errors(refused: Callable[[str], RnnbenchError]) -> Iterator[None]:
    """Turn whatever Keras and TensorFlow raise in the block into `refused`, with their own words.

    Some layers and optimizers are refused only when they are compiled, or when they run. What is
    short of memory raises MemoryError.
    """
    tensorflow, _ = start()
    try:
        yield
    except (RnnbenchError, MemoryError):
        raise
    except tensorflow.errors.ResourceExhaustedError as error:
        raise MemoryError from error
    except Exception as error:
        raise refused(f"Keras says: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = click.unstyle(str(error)).strip()
    if text.startswith("in user code"):
        # Before the reason, it lists the lines of the code that was compiled.
        text = text.splitlines()[-1]
    return " ".join(text.split())[:300] or type(error).__name__


@contextmanager
def _no_collections() -> Iterator[None]:
    """Imports make a million objects that stay: searching them for cycles takes a second."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Drop what C++ code prints about absent GPUs; Python's exceptions are not affected."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
