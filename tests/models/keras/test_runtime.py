import gc
import resource

from rnnbench.models.keras.runtime import load_backend


def test_freed_memory_is_reused() -> None:
    tensorflow, _ = load_backend()
    count = 2**24

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        assert len(tensorflow.fill([count], 1)) == count
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    # Mapping 64 MiB again would fault on every page, at least 32 times.
    assert faults() < 16


def test_garbage_collection_continues_after_the_import() -> None:
    load_backend()
    assert gc.isenabled()
