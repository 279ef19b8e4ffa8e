from pathlib import Path

import pytest

from rnnbench.corpora.base import TextCorpus
from rnnbench.corpora.films import REVIEWS_PER_CLASS
from tests.pipeline.helpers import BIN, REVIEWS, VARIANTS, git, make_project, run


@pytest.fixture(scope="session")
def reviews(imdb_corpus: TextCorpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first real reviews of each label, as in the unpacked archive of the dataset's authors."""
    folder = tmp_path_factory.mktemp("reviews") / "aclImdb"
    documents = imdb_corpus.documents
    for label, name in enumerate(("neg", "pos")):
        target = folder / "train" / name
        target.mkdir(parents=True)
        texts = [t for t, y in zip(documents.texts, documents.labels, strict=True) if y == label]
        for number, text in enumerate(texts[:REVIEWS]):
            # Numbers far apart belong to different films.
            file = number * REVIEWS_PER_CLASS // REVIEWS
            (target / f"{file}_{1 + 8 * label}.txt").write_bytes(text)
    return folder


@pytest.fixture(scope="session")
def finished(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed project after `make reproduce` in an environment that is installed already."""
    project = make_project(tmp_path_factory.mktemp("pipeline") / "project", reviews, *VARIANTS)
    (project / ".venv").mkdir()
    (project / ".venv" / "bin").symlink_to(BIN)
    (project / ".venv" / "installed").touch()
    run(project, "make", "reproduce", "JOBS=2", "VENV=.venv")
    git("add", "--all", cwd=project)
    git("commit", "-q", "-m", "reproduced", cwd=project)
    return project
