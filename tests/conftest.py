from pathlib import Path

import pytest

from rnnbench.corpora import imdb
from rnnbench.corpora.base import TextCorpus


@pytest.fixture(scope="session")
def imdb_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the real corpus, fetched once; not to be written to."""
    directory = tmp_path_factory.mktemp("imdb")
    imdb.fetch(imdb.Settings(), directory, seed=1)
    return directory


@pytest.fixture(scope="session")
def imdb_corpus(imdb_raw: Path) -> TextCorpus:
    return imdb.read(imdb_raw)
