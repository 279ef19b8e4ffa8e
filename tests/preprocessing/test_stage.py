import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.corpora import product
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import read_meta, read_samples
from rnnbench.preprocessing.encoders import read_encoder
from rnnbench.preprocessing.stage import preprocess, split
from rnnbench.preprocessing.subwords import SubwordTokenizer


def dataset(**changes: object) -> TextDataset:
    values = {
        "corpus": "imdb",
        "encoding": "index",
        "vocabulary_size": 1000,
        "skip_top": 20,
        "length": 100,
        "train": 20000,
        "evaluation": 5000,
    }
    return TextDataset(**(values | changes))


def parts(train: int, evaluation: int, mode: str = "random", count: int = 100, seed: int = 1):
    wanted = ArrayDataset(corpus="any", split=mode, train=train, evaluation=evaluation)
    return split(count, wanted, seed)


def test_split_is_disjoint_complete_and_random() -> None:
    found = parts(80, 20)
    assert sorted([*found["train"], *found["evaluation"]]) == list(range(100))
    assert found["evaluation"].tolist() != parts(80, 20, seed=2)["evaluation"].tolist()


def test_the_evaluation_samples_do_not_depend_on_the_training_size() -> None:
    np.testing.assert_array_equal(parts(10, 20)["evaluation"], parts(80, 20)["evaluation"])


def test_the_last_samples_can_be_the_evaluation_part() -> None:
    found = parts(2, 3, "last", count=6)
    assert (found["train"].tolist(), found["evaluation"].tolist()) == ([0, 1], [3, 4, 5])


def test_what_is_learned_can_be_what_is_evaluated() -> None:
    found = parts(1, 1, "same", count=1)
    assert (found["train"].tolist(), found["evaluation"].tolist()) == ([0], [0])


def test_too_small_a_corpus_is_told() -> None:
    with pytest.raises(DataError, match="101 samples, but the corpus has 100"):
        parts(81, 20)


@pytest.fixture(scope="session")
def prepared(imdb_raw, tmp_path_factory):
    folders = {}
    for name, changes in {
        "index": {},
        "one_hot": {"encoding": "one_hot", "vocabulary_size": 100},
        "subwords": {
            **{"tokens": "subwords", "vocabulary_size": 400, "skip_top": 0, "length": None},
            **{"train": 300, "evaluation": 100},
        },
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
    encoded = read_encoder(prepared["index"]).encode(texts)
    np.testing.assert_array_equal(encoded, samples.x[:200])


def test_snippets_from_outside_are_encoded_with_the_same_words(
    prepared, imdb_corpus: TextCorpus
) -> None:
    name, snippets = imdb_corpus.out_of_domain
    assert read_meta(prepared["index"]).out_of_domain == name == "rotten_tomatoes"
    samples = read_samples(prepared["index"], name)
    assert len(samples) == 8530
    assert samples.y.mean() == 0.5
    encoded = read_encoder(prepared["index"]).encode([t.decode() for t in snippets.texts[:50]])
    np.testing.assert_array_equal(encoded, samples.x[:50])


def test_subwords_are_learned_from_the_training_reviews_alone(prepared, imdb_corpus) -> None:
    def texts(split: str) -> list[str]:
        ids = imdb_corpus.order[read_samples(prepared["subwords"], split).id]
        return [imdb_corpus.documents.texts[i].decode() for i in ids]

    encoder = read_encoder(prepared["subwords"])
    learned = SubwordTokenizer.train(texts("train"), 400)
    both = SubwordTokenizer.train(texts("train") + texts("evaluation"), 400)
    text = texts("evaluation")[:20]
    stored = read_samples(prepared["subwords"], "evaluation").x
    for row, (ours, other) in enumerate(zip(learned.encode(text), both.encode(text), strict=True)):
        assert stored[row].tolist() == ours.tolist() == encoder.encode([text[row]])[0].tolist()
        assert ours.tolist() != other.tolist()


def test_a_corpus_of_arrays_needs_no_encoder(tmp_path) -> None:
    raw, folder = tmp_path / "raw", tmp_path / "prepared"
    for path in (raw, folder):
        path.mkdir()
    product.fetch(product.Settings(samples=30, steps=5), raw)
    preprocess(ArrayDataset(corpus="product", train=20, evaluation=10), raw, folder, seed=1)
    meta = read_meta(folder)
    assert (meta.target, meta.shape, meta.tolerance) == ("number", (5, 2), 0.04)
    whole = product.read(raw)
    for part, count in (("train", 20), ("evaluation", 10)):
        samples = read_samples(folder, part)
        assert len(samples) == count
        np.testing.assert_array_equal(samples.x, whole.x[samples.id])
        np.testing.assert_array_equal(samples.y, whole.y[samples.id])


def test_ids_that_are_not_the_published_ones_are_refused(imdb_raw, tmp_path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for file in imdb_raw.iterdir():
        (raw / file.name).write_bytes(file.read_bytes())
    reviews = raw / "reviews.jsonl"
    reviews.write_bytes(reviews.read_bytes().replace(b"film", b"movie", 1))
    with pytest.raises(DataError, match="not the published ones"):
        preprocess(dataset(), raw, tmp_path, seed=42)
