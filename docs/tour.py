"""docs/tour.ipynb with the outputs of the present results: run it after `dvc repro`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "tour.ipynb"


def executed() -> str:
    """The notebook, executed where the reviews need not be downloaded: pip would print paths."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copy(ROOT / "params.yaml", project)
        shutil.copytree(ROOT / "metrics", project / "metrics")
        shutil.copytree(ROOT / "data/raw/imdb", project / "quick/data/raw/imdb")
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
            coalesce_streams=True,
        ).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # IPython runs commands in a terminal.
            if "text" in output:
                output["text"] = output["text"].replace("\r\n", "\n")
    # The version of the kernel's Python would change with the machine.
    notebook.metadata.language_info = {"name": "python"}
    return nbformat.writes(notebook) + "\n"


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    NOTEBOOK.write_text(executed(), encoding="utf-8")
