"""Is sitecustomize.py of a worker: makes its host unfit in the way that $FAULT names."""

import errno
import importlib.metadata
import os
import tarfile
from pathlib import Path

fault = os.environ.get("FAULT")
version, read_text = importlib.metadata.version, Path.read_text


def other_version(name):
    return "0.0" if name == "keras" else version(name)


def no_tensorflow(name):
    if name == "tensorflow":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)


def without_avx2(path, *arguments, **options):
    text = read_text(path, *arguments, **options)
    return text.replace(" avx2 ", " ") if str(path) == "/proc/cpuinfo" else text


def full_disk(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


if fault == "version":
    importlib.metadata.version = other_version
elif fault == "library":
    importlib.metadata.version = no_tensorflow
elif fault == "cpu":
    Path.read_text = without_avx2
elif fault == "disk":
    tarfile.TarFile.extractall = full_disk
