import gc
import resource

from rnnbench.models.keras.runtime import start


def test_freed_memory_is_kept_for_the_next_step() -> None:
    tensorflow, _ = start()
    size = 2**26

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        assert len(tensorflow.fill([size], 1)) == size
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    # Mapped anew, every page would be cleared once more.
    assert faults() < size / resource.getpagesize() / 10


def test_collections_go_on_after_the_import() -> None:
    start()
    assert gc.isenabled()
