"""TensorFlow and Keras: imported on first use, configured for reproducible results."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import click

from rnnbench.core.errors import ParamsError, RnnbenchError
from rnnbench.core.validation import ErrorDetail


@functools.cache
def load_backend() -> tuple[ModuleType, ModuleType]:
    """(tensorflow, keras), configured for one CPU thread.

    One thread per process: small recurrent networks gain nothing from a second one, sums have the
    same order on any number of cores, and several variants can be trained in parallel.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # This allocator, by default used for GPUs only, reuses freed memory. Returning some 100 MB to
    # the system in every step, and mapping them again, took longer than the arithmetic.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    with _quiet_stderr(), _without_garbage_collection():
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(1)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        tensorflow.config.set_visible_devices([], "GPU")
        # TensorFlow warns of retracing, which is intended: one program per batch width.
        tensorflow.get_logger().setLevel("ERROR")
        import keras

        from rnnbench.models.keras.gradients import transpose_explicitly
        from rnnbench.models.keras.initializers import decompose_with_numpy

    transpose_explicitly()
    decompose_with_numpy()
    # Whatever a keras.json holds.
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    return tensorflow, keras


@contextmanager
def keras_errors(error_type: Callable[[str], RnnbenchError]) -> Iterator[None]:
    """Re-raise all errors of Keras and TensorFlow as `error_type`, with their message.

    Some invalid layers and optimizers raise only when they are compiled or run. Out-of-memory
    errors are re-raised as MemoryError.
    """
    tensorflow, _ = load_backend()
    try:
        yield
    except (RnnbenchError, MemoryError):
        raise
    except tensorflow.errors.ResourceExhaustedError as error:
        raise MemoryError from error
    except Exception as error:
        raise error_type(f"Keras: {_message(error)}") from error


def refusal(key: str) -> Callable[[str], ParamsError]:
    """The `error_type` of `keras_errors` for what params.yaml has at `key`."""
    return lambda message: ParamsError("params.yaml", [ErrorDetail(key, message)])


def _message(error: Exception) -> str:
    text = click.unstyle(str(error)).strip()
    if text.startswith("in user code"):
        # The lines before the last one are a traceback through the compiled code.
        text = text.splitlines()[-1]
    return " ".join(text.split())[:300] or type(error).__name__


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Collections during the imports find nothing and take a second."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Discard messages of C++ code about absent GPUs; Python's exceptions are not affected."""
    sys.stderr.flush()
    original = os.dup(2)
    with open(os.devnull, "wb") as devnull:  # noqa: PTH123
        os.dup2(devnull.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)
