"""Keras archives with reproducible bytes.

``model.save`` writes the date, zip times and memory addresses into a .keras file. Here the same
entries are written without them; ``keras.models.load_model`` reads the result.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from rnnbench.core.errors import DataError
from rnnbench.models.keras.runtime import load_backend


def save(network: Any, path: Path) -> None:
    """Write an uncompiled network as a .keras file; equal weights give equal bytes."""
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "network.keras"
        network.save(first)
        with zipfile.ZipFile(first) as source, zipfile.ZipFile(path, "w") as target:
            for name in sorted(source.namelist()):
                # The date of a new ZipInfo is always 1980-01-01.
                target.writestr(zipfile.ZipInfo(name), _canonical(name, source.read(name)))


def load(path: Path) -> Any:
    """Read a .keras file in safe mode; raises DataError if it is missing or damaged."""
    _, keras = load_backend()
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    # Keras does not wrap the errors of zipfile, h5py and json.
    except Exception as error:
        raise DataError(f"{path}: not a readable model ({error}); run dvc repro") from error


def _canonical(name: str, content: bytes) -> bytes:
    if name == "metadata.json":
        metadata = json.loads(content)
        metadata.pop("date_saved", None)
        return json.dumps(metadata, sort_keys=True).encode()
    if name == "config.json":
        return json.dumps(_without_addresses(json.loads(content)), sort_keys=True).encode()
    return content


def _without_addresses(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: _without_addresses(v) for k, v in node.items() if k != "shared_object_id"}
    if isinstance(node, list):
        return [_without_addresses(item) for item in node]
    return node
