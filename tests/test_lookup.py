import numpy as np
import pytest

from rnnbench.errors import DataError
from rnnbench.lookup import find_sample
from rnnbench.prepared import Samples, write_samples


def test_a_sample_is_found_by_its_number_in_the_corpus(tmp_path) -> None:
    for split, ids in (("train", [5, 9]), ("evaluation", [2])):
        x = np.array([[i, i] for i in ids])
        write_samples(tmp_path, split, Samples(x, np.array(ids) % 2, np.array(ids, np.int32)))
    split, x, y = find_sample(tmp_path, 9)
    assert (split, x.tolist(), y) == ("train", [9, 9], 1)
    assert find_sample(tmp_path, 2)[0] == "evaluation"
    with pytest.raises(DataError, match="no sample 3"):
        find_sample(tmp_path, 3)
