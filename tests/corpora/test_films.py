import re
from collections import Counter
from pathlib import Path

import numpy as np

from rnnbench.core.schema import read_json
from rnnbench.corpora import imdb
from rnnbench.corpora.base import TextCorpus
from rnnbench.corpora.films import REVIEWS_PER_CLASS, film_groups

# From this number on, the reviews of a class are of films without reviews of the other class.
ONLY_NEGATIVE = 3_983
NUMBERS = np.arange(REVIEWS_PER_CLASS)


def groups_of(positive: bool) -> np.ndarray:
    return film_groups(NUMBERS, np.full(REVIEWS_PER_CLASS, positive))


def test_25_groups_share_all_reviews_evenly() -> None:
    sizes = np.bincount(np.concatenate([groups_of(True), groups_of(False)]))
    assert (len(sizes), sizes.sum()) == (25, 25_000)
    assert (sizes.min(), sizes.max()) == (983, 1_024)


def test_a_group_has_consecutive_numbers() -> None:
    """Films have consecutive numbers, so that no bound but those between groups can cut one."""
    negative = groups_of(False)
    for groups in (groups_of(True), negative[:ONLY_NEGATIVE], negative[ONLY_NEGATIVE:]):
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        assert groups[starts].tolist() == list(range(25))


def test_positive_and_negative_reviews_of_a_group_name_the_same_people(
    imdb_raw: Path, imdb_corpus: TextCorpus
) -> None:
    """A test on real texts: a group shares more rare names with itself than with any other."""
    numbers = read_json(imdb_raw / "corpus.json", imdb._Record).numbers
    labels, groups = imdb_corpus.documents.labels, imdb_corpus.groups
    assert groups is not None
    found = [set(re.findall(rb"\b[A-Z][a-z]{3,}\b", t)) for t in imdb_corpus.documents.texts]
    counts = Counter(name for names in found for name in names)
    rare = {name for name, count in counts.items() if 4 <= count <= 40}
    positive, negative = ([Counter() for _ in range(25)] for _ in range(2))
    for number, label, group, names in zip(numbers, labels, groups, found, strict=True):
        if label or number < ONLY_NEGATIVE:
            (positive if label else negative)[group].update(names & rare)
    shared = np.array([[(one & other).total() for other in negative] for one in positive])
    assert shared.argmax(axis=0).tolist() == shared.argmax(axis=1).tolist() == list(range(25))
