import gc
import resource

from rnnbench.models.keras.runtime import start


def test_freed_memory_is_kept_for_the_next_step() -> None:
    tensorflow, _ = start()
    count = 2**24

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        assert len(tensorflow.fill([count], 1)) == count
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    # Mapped anew, 64 MiB would be cleared once more, page by page: at least 32 of them.
    assert faults() < 16


def test_collections_go_on_after_the_import() -> None:
    start()
    assert gc.isenabled()
