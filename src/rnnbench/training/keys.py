"""What determines the bytes of a training, and the key by which its result is found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rnnbench import models
from rnnbench.core.machine import stamp
from rnnbench.core.schema import Schema
from rnnbench.data.format import training_data_digest
from rnnbench.models.base import VariantSettings
from rnnbench.training.outputs import training_settings

# Of this package, what a replicate is made by.
_CODE = ("data/**/*.py", "models/base.py", "training/outputs.py", "training/replicate.py")


class Inputs(Schema):
    """What a replicate depends on beside its settings, its seed and its split.

    code, data: SHA-256 of the source files, and of the prepared dataset.
    versions: those of the libraries, with the settings of `rnnbench.core.environment`.
    """

    code: str
    data: str
    versions: str


@dataclass(frozen=True)
class Replicate:
    """One training of a variant.

    number: counted from 0. seed, split: of its weights, and the number of its split.
    key: SHA-256 of all that determines its bytes.
    """

    number: int
    seed: int
    split: int
    key: str


def find_inputs(
    model: str, data: Path, own: Iterable[Path] = (), also: Iterable[str] = ()
) -> Inputs:
    """The inputs of trainings of one model family on the dataset in the folder `data`.

    own: the project files of its own layers. also: further files of this package.
    """
    package = Path(__file__).parents[1]
    patterns = (*_CODE, f"{models.source(model)}/**/*.py", *also)
    files = [path for pattern in patterns for path in sorted(package.glob(pattern))]
    code = hashlib.sha256()
    for path in (*files, *own):
        code.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            code.update(hashlib.file_digest(file, "sha256").digest())
    return Inputs(code=code.hexdigest(), data=training_data_digest(data), versions=stamp())


def replicates(
    settings: VariantSettings, seed: int, count: int, splits: int, inputs: Inputs
) -> list[Replicate]:
    """The first `count` replicates of a variant on a dataset with so many splits.

    Replicate r has the seed `seed` + r, and split r modulo `splits`.
    """
    found = []
    for number in range(count):
        content = [training_settings(settings), seed + number, number % splits, inputs.model_dump()]
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        found.append(Replicate(number, seed + number, number % splits, key))
    return found
