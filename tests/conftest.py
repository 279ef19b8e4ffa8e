# Before NumPy, which reads its variables when it is imported.
import rnnbench  # noqa: F401, I001

import getpass
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from rnnbench import corpora
from rnnbench.core.files import new_directory
from rnnbench.core.machine import this_machine
from rnnbench.core.workspace import Workspace
from rnnbench.corpora import imdb
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import (
    Meta,
    Samples,
    read_further,
    read_targets,
    training_data_digest,
    write_dataset,
    write_samples,
)
from rnnbench.data.ragged import Ragged
from rnnbench.preprocessing.encoders import WordEncoder
from rnnbench.preprocessing.splits import block_splits, split_samples
from rnnbench.training.outputs import LAST_EPOCH, training_settings
from tests.frozen import PARAMS

# Processes that tests start run the code of this folder too, wherever the package is installed.
SOURCE = str(Path(__file__).parents[1] / "src")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH")]))

MACHINE = this_machine().model_dump()

# A shell starts background jobs with SIGINT ignored, and every process would inherit that from us.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest tests come first, in one worker: they share a project that takes long to make.
    items.sort(key=lambda item: "pipeline" not in item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def _no_store_from_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("MLFLOW_TRACKING_URI", "RNNBENCH_PROJECT", "DVC_ROOT", "DVC_EXP_NAME"):
            patch.delenv(variable, raising=False)
        yield


@pytest.fixture(scope="session")
def start_server():
    """Starts a server, waits until it responds, and ends it with all of its processes."""

    @contextmanager
    def start(
        command: list[str], health: str = "/", **options: object
    ) -> Iterator[tuple[str, subprocess.Popen]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [*command, "--port", str(port)]
        server = subprocess.Popen(command, start_new_session=True, **options)
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address + health, server)
            yield address, server
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGINT)
                server.wait(30)

    return start


def _wait_for(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="session")
def fetched():
    """The folder of a real corpus, which all workers and later sessions share; do not write to it.

    A change of the code that fetches it, pinned hashes included, makes a new folder.
    """
    sources = sorted(Path(corpora.__file__).parent.glob("*.py"))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    root = Path(tempfile.gettempdir()) / f"rnnbench-tests-{getpass.getuser()}"
    root.mkdir(mode=0o700, exist_ok=True)

    def fetch(name: str) -> Path:
        corpus, directory = corpora.load(name), root / f"{name}-{key}"
        with FileLock(f"{directory}.lock"):
            # A system that cleans its folder of temporary files may have removed some of them.
            complete = Path(f"{directory}.json")
            if not complete.exists() or json.loads(complete.read_text()) != _sizes(directory):
                with new_directory(directory) as partial:
                    corpus.fetch(corpus.Settings(), partial)
                complete.write_text(json.dumps(_sizes(directory)))
        return directory

    return fetch


def _sizes(folder: Path) -> dict[str, int]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


@pytest.fixture(scope="session")
def imdb_raw(fetched) -> Path:
    return fetched("imdb")


@pytest.fixture(scope="session")
def imdb_corpus(imdb_raw: Path) -> TextCorpus:
    return imdb.read(imdb_raw)


@pytest.fixture
def results(invented: Path, tmp_path: Path) -> Workspace:
    """A workspace with invented predictions, histories and costs of the frozen variants."""
    shutil.copytree(invented, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("invented"))
    params = PARAMS
    rng = np.random.default_rng(0)
    for name, dataset in params.datasets.items():
        folder = workspace.prepared(name)
        folder.mkdir(parents=True)
        meta = _meta(dataset)
        protocol, splits = _splits(dataset)
        samples = _samples(meta, splits.shape[1], "documents", rng)
        for other in meta.further_sets:
            write_samples(folder, _samples(meta, 400, other, rng), f"{other}_")
        write_dataset(
            folder, meta, protocol, samples, splits, dict.fromkeys(meta.further_sets, 400)
        )
        if isinstance(dataset, TextDataset):
            words = TextDataset(**_WORDS | {"corpus": dataset.corpus})
            WordEncoder(words, "utf-8", {}, ("the", "film")).write(folder)
    for name, variant in params.variants.items():
        dataset, folder = params.datasets[variant.dataset], workspace.prepared(variant.dataset)
        meta, targets = _meta(dataset), read_targets(folder)
        used = [replicate % len(targets.splits) for replicate in range(3)]
        y = np.stack([targets.y[targets.rows(split, "evaluation")] for split in used])
        sets = {"evaluation": y}
        if dataset.validation:
            sets[LAST_EPOCH] = y
        for other in meta.further_sets:
            sets[other] = np.stack([read_further(folder, other).y] * 3)
        workspace.predictions(name).mkdir(parents=True)
        for kind, y in sets.items():
            np.save(workspace.predictions(name) / f"{kind}.npy", _prediction(meta, y, rng))
        for path in (workspace.cost(name), workspace.history(name)):
            path.parent.mkdir(parents=True, exist_ok=True)
        cost = {"seconds": 12.5, "seconds_per_replicate": 4.2, "peak_memory_mib": 900}
        cost["machine"] = MACHINE
        workspace.cost(name).write_text(json.dumps(cost))
        # The first of two epochs is the best on the validation part.
        rows = ["replicate,epoch,loss,accuracy,val_loss,val_accuracy"]
        for replicate in range(3):
            for epoch in (1, 2):
                place = 3 - epoch if dataset.validation else epoch
                rows.append(f"{replicate},{epoch},0.{9 - epoch},0.7,0.5,0.{replicate + 5}{place}")
        workspace.history(name).write_text("\n".join(rows) + "\n")
        workspace.models(name).mkdir(parents=True)
        record = {
            "variant": name,
            "parameters": 33321,
            "seeds": [42, 43, 44],
            "splits": used,
            "epochs": [1 if dataset.validation else 2] * 3,
            "training_loss": [0.25, 0.3, 0.35],
            "training_accuracy": [0.95, 0.9, 0.85],
            "diverged": {},
            "role": variant.role,
            "architecture": variant.architecture,
            "settings": training_settings(params.variants[name]),
            "data": training_data_digest(workspace.prepared(variant.dataset)),
        }
        workspace.training_record(name).write_text(json.dumps(record))
    workspace.scores("any").parent.mkdir(parents=True)
    return workspace.root


_WORDS = {"encoding": "index", "vocabulary_size": 1000, "length": 100, "train": 1, "evaluation": 1}
_REVIEWS = Meta(
    corpus="imdb",
    encoding="index",
    target="binary",
    classes=("negative", "positive"),
    shape=(100,),
    vocabulary_size=1000,
    further_sets=("rotten_tomatoes",),
)
_NUMBERS = Meta(
    corpus="product",
    encoding="number",
    target="number",
    classes=(),
    shape=(7, 2),
    vocabulary_size=0,
    tolerance=0.04,
)
_META = {
    "imdb": _REVIEWS,
    "reuters": _REVIEWS.model_copy(
        update={
            "corpus": "reuters",
            "target": "classes",
            "classes": ("earn", "acq", "grain"),
            "further_sets": (),
        }
    ),
    "product": _NUMBERS,
    "arithmetic": _NUMBERS.model_copy(update={"corpus": "arithmetic", "shape": (5, 1)}),
    "characters": Meta(
        corpus="characters",
        encoding="one_hot",
        target="steps",
        classes=("a", "b"),
        shape=(6,),
        vocabulary_size=2,
    ),
}


def _meta(dataset: ArrayDataset) -> Meta:
    """The format of the dataset's samples, with at most 100 steps."""
    meta = _META[dataset.corpus]
    if not isinstance(dataset, TextDataset):
        return meta
    shape: tuple[int | None, ...] = (min(dataset.length, 100) if dataset.length else None,)
    if dataset.encoding == "number":
        shape = (*shape, 1)
    return meta.model_copy(update={"encoding": dataset.encoding, "shape": shape})


def _splits(dataset: ArrayDataset) -> tuple[str, np.ndarray]:
    """The protocol, and the flags of splits with 400 samples for training and for evaluation."""
    validation = 100 if dataset.validation else 0
    small = dataset.model_copy(update={"train": 400, "validation": validation, "evaluation": 400})
    if dataset.corpus == "product":
        return "new", block_splits(small, PARAMS.run.splits)
    groups = np.arange(1000) // 40
    return dataset.split, split_samples(
        small, 1000, groups, None, PARAMS.run.seed, PARAMS.run.splits
    )


def _samples(meta: Meta, count: int, name: str, rng: np.random.Generator) -> Samples:
    ids = np.arange(count, dtype=np.int32)
    # All datasets of a corpus have the same samples, with the same labels.
    labels = np.random.default_rng([*meta.corpus.encode(), *name.encode()])
    if meta.target == "number":
        x = rng.random((count, *meta.shape)).astype(np.float32)
        return Samples(x, labels.random(count).astype(np.float32), ids)
    x: np.ndarray | Ragged
    if meta.shape == (None,):
        x = Ragged.of(
            (rng.integers(1, meta.vocabulary_size, n) for n in rng.integers(1, 9, count)),
            meta.vocabulary_size,
        )
    else:
        x = rng.integers(0, meta.vocabulary_size, (count, *meta.shape)).astype(np.uint16)
    shape = (count, *meta.shape) if meta.target == "steps" else (count,)
    return Samples(x, labels.integers(0, len(meta.classes), shape).astype(np.uint8), ids)


def _prediction(meta: Meta, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Correct for about eight samples in ten; y has an axis of replicates."""
    correct = rng.random(y.shape) < 0.8
    if meta.target == "number":
        return np.where(correct, y, y + 0.1).astype(np.float32)
    if meta.target == "binary":
        noise = rng.uniform(-0.05, 0.05, correct.shape)
        return (np.where(correct == (y > 0), 0.9, 0.1) + noise).astype(np.float32)
    label = np.where(correct, y, (y + 1) % len(meta.classes))
    return (np.eye(len(meta.classes))[label] * 0.8 + 0.2 / len(meta.classes)).astype(np.float32)
