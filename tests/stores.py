"""Projects with trainings, for the tests of MLflow: the slow parts are made once per process."""

import functools
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import mlflow
import yaml

from rnnbench import models
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_prepared
from tests.frozen import PARAMS, PARAMS_FILE

_files: dict[tuple[str, int], bytes] = {}


@functools.cache
def empty_store() -> bytes:
    """A mlflow.db without experiments of ours; MLflow needs seconds for its migrations."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
        return path.read_bytes()


def new_project(invented: Path, folder: Path, names: Iterable[str]) -> Workspace:
    """A copy of `invented` with an empty store, a model per replicate, and these variants only."""
    workspace = Workspace(Path(shutil.copytree(invented, folder)))
    (folder / "mlflow.db").write_bytes(empty_store())
    params = yaml.safe_load(PARAMS_FILE.read_text())
    params["variants"] = {name: params["variants"][name] for name in names}
    params |= {"questions": [], "published": {}}
    workspace.params.write_text(yaml.safe_dump(params, sort_keys=False))
    for name in names:
        settings = PARAMS.variant(name)
        model_class = models.model_class(settings.model)
        for replicate in range(3):
            path = workspace.model(name, replicate, model_class.SUFFIX)
            if (name, replicate) not in _files:
                prepared, seed = workspace.prepared(settings.dataset), 42 + replicate
                model = model_class.build(settings, read_meta(prepared), seed)
                if settings.model in ("constant", "linear"):
                    samples = read_prepared(prepared).part(0, "train")
                    model.fit(settings, seed, samples, samples.x, lambda _: None)
                model.save(path)
                _files[name, replicate] = path.read_bytes()
            path.write_bytes(_files[name, replicate])
    return workspace


def copy_of(workspace: Workspace, folder: Path) -> Workspace:
    """A copy to change."""
    return Workspace(Path(shutil.copytree(workspace.root, folder)))
