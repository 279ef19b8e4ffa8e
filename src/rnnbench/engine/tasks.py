"""What one training needs to know, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Self

from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.core.machine import this_machine
from rnnbench.core.schema import Schema
from rnnbench.models.base import VariantSettings
from rnnbench.training.keys import Inputs, Replicate

# How a refusal begins if code or data differ.
CHANGED = "the code or the data"


class Task(Schema):
    """One replicate of a variant, to be trained by any process that has its inputs.

    variant: its name, for messages and for the files of its result.
    model: its model family.
    settings: its settings as JSON; `program` is theirs.
    number, seed, split, key: those of `rnnbench.training.keys.Replicate`.
    inputs: what its key was computed from; a process with other ones refuses the task.
    system: the `system_here` of the head, which must be the same too.
    code: the project files of its own layers, relative to the project.
    scores: whether only its scores are wanted; otherwise its result and its model are written as
        `rnnbench.training.checkpoints` has them.
    """

    variant: str
    model: str
    settings: dict[str, Any]
    program: str
    number: int
    seed: int
    split: int
    key: str
    inputs: Inputs
    system: str
    code: tuple[str, ...] = ()
    scores: bool = False

    @classmethod
    def of(
        cls,
        variant: str,
        settings: VariantSettings,
        replicate: Replicate,
        inputs: Inputs,
        code: Iterable[str] = (),
        scores: bool = False,
    ) -> Self:
        """The task of a replicate of a variant, for the system of this machine.

        code: as the field.
        """
        return cls(
            variant=variant,
            model=settings.model,
            settings=settings.model_dump(mode="json"),
            program=settings.program,
            inputs=inputs,
            system=system_here(),
            code=tuple(code),
            scores=scores,
            **vars(replicate),
        )

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return f"{self.variant} replicate {self.number + 1}"


class Outcome(Schema):
    """What became of a task.

    scores: of `rnnbench.engine.scoring.score`, if they were wanted.
    error: why it failed, or None.
    refused: whether the process lacks the inputs of the task, so that another one may have them.
    """

    scores: dict[str, Any] | None = None
    error: str | None = None
    refused: bool = False


@cache
def system_here() -> str:
    """Operating system, C library and Python of this machine."""
    here = this_machine()
    return f"{here.system}, Python {here.python.rpartition('.')[0]}"


def read_outcome(text: str) -> Outcome:
    """The outcome in a line of JSON; raises DataError if it is none."""
    try:
        return Outcome.model_validate_json(text)
    except ValidationError as error:
        raise DataError(f"a training process answered {text[:200]!r}") from error
