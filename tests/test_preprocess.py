import numpy as np
import pytest

from rnnbench.corpora.base import TextCorpus
from rnnbench.datasets import Dataset
from rnnbench.encode import TextEncoder
from rnnbench.errors import DataError
from rnnbench.prepared import read_meta, read_samples
from rnnbench.preprocess import preprocess, split


def dataset(**changes: object) -> Dataset:
    values = {
        "corpus": "imdb",
        "encoding": "index",
        "vocabulary_size": 1000,
        "skip_top": 20,
        "length": 100,
        "train": 20000,
        "evaluation": 5000,
    }
    return Dataset(**(values | changes))


def test_split_is_disjoint_complete_and_random() -> None:
    parts = split(100, train=80, evaluation=20, seed=1)
    assert sorted([*parts["train"], *parts["evaluation"]]) == list(range(100))
    assert parts["evaluation"].tolist() != split(100, 80, 20, seed=2)["evaluation"].tolist()


def test_the_evaluation_samples_do_not_depend_on_the_training_size() -> None:
    small, large = split(100, 10, 20, seed=1), split(100, 80, 20, seed=1)
    np.testing.assert_array_equal(small["evaluation"], large["evaluation"])


def test_too_small_a_corpus_is_told() -> None:
    with pytest.raises(DataError, match="101, but the corpus has 100"):
        split(100, 81, 20, seed=1)


@pytest.fixture(scope="session")
def prepared(imdb_raw, tmp_path_factory):
    folders = {}
    for name, changes in {
        "index": {},
        "one_hot": {"encoding": "one_hot", "vocabulary_size": 100},
    }.items():
        folders[name] = tmp_path_factory.mktemp(name)
        preprocess(dataset(**changes), imdb_raw, folders[name], seed=42)
    return folders


def test_the_real_reviews_are_those_of_keras(prepared) -> None:
    """The first review of load_data(skip_top=20, num_words=100), ids <= 2 dropped."""
    folder = prepared["one_hot"]
    for part in ("train", "evaluation"):
        samples = read_samples(folder, part)
        if 0 in samples.id:
            row = samples.x[samples.id.tolist().index(0)]
    kept = row[row > 0]
    assert len(kept) == 59
    assert kept[:8].tolist() == [22, 43, 65, 66, 36, 25, 43, 50]


def test_all_encodings_share_one_split(prepared) -> None:
    for part, count in (("train", 20000), ("evaluation", 5000)):
        one_hot, index = (read_samples(prepared[n], part) for n in ("one_hot", "index"))
        np.testing.assert_array_equal(one_hot.id, index.id)
        np.testing.assert_array_equal(one_hot.y, index.y)
        assert len(index) == count


def test_samples_are_compact_ids_and_never_reserved_ones(prepared) -> None:
    x = read_samples(prepared["one_hot"], "train").x
    assert (x.dtype, x.shape) == (np.uint8, (20000, 100))
    assert set(np.unique(x)) <= {0, *range(20, 100)}
    assert read_samples(prepared["index"], "train").x.dtype == np.uint16


def test_new_text_is_encoded_as_the_stored_samples_were(prepared, imdb_corpus: TextCorpus) -> None:
    samples = read_samples(prepared["index"], "evaluation")
    texts = [imdb_corpus.documents.texts[imdb_corpus.order[i]].decode() for i in samples.id[:200]]
    encoded = TextEncoder.read(prepared["index"]).encode(texts)
    np.testing.assert_array_equal(encoded, samples.x[:200])


def test_the_majority_share_is_that_of_the_evaluation_labels(prepared) -> None:
    y = read_samples(prepared["index"], "evaluation").y
    assert read_meta(prepared["index"]).majority == max(y.mean(), 1 - y.mean())


def test_ids_that_are_not_the_published_ones_are_refused(imdb_raw, tmp_path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for file in imdb_raw.iterdir():
        (raw / file.name).write_bytes(file.read_bytes())
    reviews = raw / "reviews.jsonl"
    reviews.write_bytes(reviews.read_bytes().replace(b"film", b"movie", 1))
    with pytest.raises(DataError, match="not the published ones"):
        preprocess(dataset(), raw, tmp_path, seed=42)
