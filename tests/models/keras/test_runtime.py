import gc
import platform
import resource

import pytest

from rnnbench.models.keras.runtime import start


def test_freed_memory_is_kept_for_the_next_step() -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc is told to")
    start()
    size = 2**26

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        # NumPy would ask for huge pages.
        assert len(b"1" * size) == size
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    # Mapped anew, every page would be cleared once more.
    assert faults() < size / resource.getpagesize() / 10


def test_collections_go_on_after_the_import() -> None:
    start()
    assert gc.isenabled()
