"""Whether DVC has run a variant's stages with the present params.yaml, by dvc.lock."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from rnnbench.core.root import PLAN
from rnnbench.params import Params
from rnnbench.params.yaml import parse_yaml

_Stage = dict[str, Any]


class Lock:
    """The stages of dvc.lock; none where DVC has run nothing, or cannot be read at the moment."""

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            content: Any = parse_yaml((root / "dvc.lock").read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            content = None
        stages = content.get("stages") if isinstance(content, dict) else None
        self._stages: dict[str, _Stage] = stages if isinstance(stages, dict) else {}

    def is_stale(self, params: Params, variant: str) -> bool:
        """Whether a variant is trained with other values, data or code than are there now.

        As far as dvc.lock tells without hashing: of files, only that of its layers is read.
        """
        train = self._stages.get(f"train@{variant}")
        if train is None:
            return False
        settings = params.variant(variant)
        dataset, corpus = settings.dataset, params.corpus_of(variant)
        preprocess, download = (
            self._stages.get(name, {}) for name in (f"preprocess@{dataset}", f"download@{corpus}")
        )
        run, sections = {"plan.run": params.sections["run"]}, params.sections
        expected = (
            (train, run | {f"plan.variants.{variant}": sections["variants"][variant]}),
            (preprocess, run | {f"plan.datasets.{dataset}": sections["datasets"][dataset]}),
            (download, {f"plan.corpora.{corpus}": sections["corpora"][corpus]}),
        )
        return (
            any(stage.get("params", {}).get(PLAN) != values for stage, values in expected)
            or _hash(train, "deps", f"data/prepared/{dataset}")
            != _hash(preprocess, "outs", f"data/prepared/{dataset}")
            or _hash(preprocess, "deps", f"data/raw/{corpus}")
            != _hash(download, "outs", f"data/raw/{corpus}")
            or any(_hash(train, "deps", file) != self._md5(file) for file in settings.code)
        )

    def _md5(self, file: str) -> str | None:
        try:
            return hashlib.md5((self._root / file).read_bytes()).hexdigest()  # noqa: S324 - DVC's
        except OSError:
            return None


def _hash(stage: _Stage, kind: str, path: str) -> str | None:
    return next((entry["md5"] for entry in stage.get(kind, ()) if entry["path"] == path), None)
