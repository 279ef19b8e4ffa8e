"""Layers that are not Keras's own: found, trained, saved with their file, and loaded again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import FLAGS, Meta, Samples, write_dataset
from rnnbench.models.keras import Settings
from rnnbench.models.keras.model import Model
from rnnbench.models.keras.validation import check_spec
from rnnbench.tracking.logged_model import artifacts
from rnnbench.training.keys import find_inputs
from rnnbench.training.stage import train
from tests.frozen import PARAMS

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "min_gru.py"
EMBEDDING = {"Embedding": {"output_dim": 4}}
CELL = {"my_cells.py:MinGRU": {"units": 3}}
# A file whose layer has its cell in its configuration, and a function of its own.
NESTED = """
import keras

@keras.saving.register_keras_serializable("mine")
def doubled(x):
    return 2 * x

@keras.saving.register_keras_serializable("mine")
class Cell(keras.layers.SimpleRNNCell):
    pass

class Nested(keras.layers.RNN):
    def __init__(self, cell=None, units=2, **kwargs):
        super().__init__(cell or Cell(units, activation=doubled), **kwargs)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(EXAMPLE, folder / "my_cells.py")
    (folder / "params.yaml").touch()
    monkeypatch.chdir(folder)
    return folder


def settings(*layers: Any, **changes: Any) -> Settings:
    values = {"dataset": "d", "model": "keras", "optimizer": {"Adam": {"learning_rate": 0.02}}}
    values |= {"layers": [EMBEDDING, *layers], "epochs": 2, "batch_size": 29}
    return Settings(**(values | changes))


def trained(plan: Settings, meta: Meta, samples: Samples, path: Path) -> Model:
    """A trained model, saved with its files as the train stage saves it."""
    path.parent.mkdir(exist_ok=True)
    for file in plan.code:
        shutil.copy(file, path.parent)
    model = Model.build(plan, meta, 3)
    model.fit(plan, 3, samples, samples.x, lambda _: None)
    model.save(path)
    return model


def error_of(layer: Any) -> Any:
    (error,) = check_spec("layer", layer, "k")
    return error


@pytest.mark.parametrize(
    ("layer", "words", "suggestion"),
    [
        ("my_cell.py:MinGRU", "no file 'my_cell.py'", "my_cells.py"),
        ("my_cells.py:MinGru", "has no class 'MinGru'; allowed: MinGRUCell, MinGRU", "MinGRU"),
        ("my_cells.py:ops", "ops of my_cells.py is no keras.Layer", None),
        ({"my_cells.py:MinGRU": {"unit": 3}}, "MinGRU has no argument 'unit'; all", "units"),
        ({"my_cells.py:MinGRU": {"units": 0}}, "expected a positive integer", None),
        ("my_cells.py:MinGRU", "missing 1 required positional argument: 'units'", None),
        ({"Bidirectional": {"layer": {"my_cells.py:MinGRY": {"units": 1}}}}, "MinGRY", "MinGRU"),
        ("nothing.at.all:Layer", "no installed package 'nothing'", None),
        ("my_cells:MinGRU", "a file of the project would be my_cells.py:...", None),
        ("numpy.nothing:Layer", "ModuleNotFoundError: No module named 'numpy.nothing'", None),
        ("numpy:array", "array of numpy is no keras.Layer", None),
        ("keras.layers:Lambda", "Keras's own layers have their name only", None),
    ],
    ids=str,
)
def test_check_words_what_is_wrong_with_a_reference(
    project: Path, layer: Any, words: str, suggestion: str | None
) -> None:
    error = error_of(layer)
    assert words in str(error)
    assert error.suggestion == suggestion
    assert str(error).startswith("k.") or error.key == "k"


def test_the_arguments_of_a_base_that_the_class_sets_itself_are_not_offered(project: Path) -> None:
    allowed = error_of({"my_cells.py:MinGRU": {"cells": 3}}).allowed.split(", ")
    assert {"units", "return_sequences", "go_backwards"} <= set(allowed)
    assert "cell" not in allowed


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = 1\nraise ValueError('no luck')", "broken.py, line 2: ValueError: no luck"),
        ("x = 1\n\ndef f(:\n", "broken.py, line 3: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit()", "broken.py, line 2: SystemExit"),
        ("import no_such_package", "line 1: ModuleNotFoundError: No module named 'no_such_pack"),
        ("import my_cells", "line 1: imports my_cells.py, which would be a dependency"),
        ("def f():\n    from helpers.x import y", "line 2: imports helpers, which would"),
        ("from . import my_cells", "line 1: imports .my_cells, which would be"),
        ("from keras.layers import GRU as L", "L is imported by broken.py, not defined there"),
    ],
)
def test_check_reports_the_line_of_a_file_that_cannot_be_used(
    project: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    """Also if the folder of the project is on sys.path, as with python -m."""
    (project / "helpers").mkdir()
    (project / "helpers" / "x.py").write_text("y = 1")
    (project / "broken.py").write_text(code)
    monkeypatch.syspath_prepend(project)
    assert words in str(error_of("broken.py:L"))
    assert not list(project.rglob("__pycache__"))


def test_a_link_out_of_the_project_is_refused(project: Path) -> None:
    (project.parent / "outside.py").write_text(EXAMPLE.read_text())
    (project / "linked.py").symlink_to(project.parent / "outside.py")
    assert "a link out of the project" in str(error_of({"linked.py:MinGRU": {"units": 1}}))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (["../my_cells.py:MinGRU"], "not a path below the folder of params.yaml"),
        (["/my_cells.py:MinGRU"], "not a path below the folder of params.yaml"),
        (["a/../my_cells.py:MinGRU"], "not a path below the folder of params.yaml"),
        (["my-cells.py:MinGRU"], "is no name of a module"),
        (["replicate_0.py:MinGRU"], "is no name of a module"),
        (["my_cells.py:"], "expected FILE.py:CLASS or PACKAGE.MODULE:CLASS"),
        ([{"Bidirectional": {"layer": "my cells:MinGRU"}}], "expected FILE.py:CLASS"),
        (["cells/a.py:A", "cells/b.py:B"], "come from cells/a.py, cells/b.py, expected one file"),
    ],
    ids=str,
)
def test_a_file_that_dvc_could_not_track_is_refused_before_keras_is_asked(
    layers: list, words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(*layers)


def test_settings_list_the_file_without_loading_anything() -> None:
    script = (
        "import sys, rnnbench.models.keras as k\n"
        "layers = ['./cells/a.py:B', {'Bidirectional': {'layer': 'cells/a.py:A'}},\n"
        "    'cells/a.py:C', 'some.package:D', 'LSTM']\n"
        "s = k.Settings(dataset='d', model='keras', layers=layers, optimizer='Adam', epochs=1,\n"
        "    batch_size=1)\n"
        "print(s.code, 'keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "('cells/a.py',) False False", done.stderr
    assert settings("LSTM").code == ()


def test_a_layer_with_units_is_a_cell_named_by_its_class() -> None:
    own = [{"Bidirectional": {"layer": CELL}}, {"my_cells.py:Other": {"rate": 1}}]
    found = settings(*own).architecture
    assert (found["cell"], found["units"], found["recurrent_layers"]) == ("MinGRU", 3, 1)
    assert found["bidirectional"] is True


def test_two_trainings_give_the_same_bytes_and_an_edit_does_not_change_old_models(
    project: Path, index_meta: Meta, samples: Samples
) -> None:
    plan = settings(CELL)
    old = trained(plan, index_meta, samples, project / "old" / "m.keras").predict(samples.x)
    trained(plan, index_meta, samples, project / "again" / "m.keras")
    file = project / "my_cells.py"
    file.write_text(file.read_text().replace("(1 - z) * states[0]", "0.5 * states[0]"))
    new = trained(plan, index_meta, samples, project / "new" / "m.keras").predict(samples.x)
    first, again, other = (
        (project / name / "m.keras").read_bytes() for name in ("old", "again", "new")
    )
    assert first == again != other
    assert not np.allclose(old, new, atol=1e-3)
    for name, expected in (("old", old), ("new", new), ("again", old)):
        found = Model.load(project / name / "m.keras").predict(samples.x)
        np.testing.assert_array_equal(found, expected)
    assert not any(key.startswith("my_cells.py") for key in keras.saving.get_custom_objects())
    assert sorted(p.name for p in (project / "old").iterdir()) == ["m.keras", "my_cells.py"]


def test_later_replicates_are_built_from_the_file_as_it_was(
    project: Path, index_meta: Meta, samples: Samples, tmp_path: Path
) -> None:
    plan = settings(CELL, epochs=1)
    expected = trained(plan, index_meta, samples, tmp_path / "a.keras").predict(samples.x)
    model = Model.build(plan, index_meta, 9)
    (project / "my_cells.py").write_text("raise ValueError('edited')")
    model = model.rebuild(plan, index_meta, 3)
    model.fit(plan, 3, samples, samples.x, lambda _: None)
    np.testing.assert_array_equal(model.predict(samples.x), expected)


@pytest.mark.parametrize("content", [None, "raise ValueError('broken')"])
def test_a_model_without_its_file_is_a_data_error(
    project: Path, index_meta: Meta, samples: Samples, content: str | None
) -> None:
    path = project / "models" / "m.keras"
    path.parent.mkdir()
    Model.build(settings(CELL), index_meta, 3).save(path)
    if content is not None:
        path.with_name("my_cells.py").write_text(content)
    with pytest.raises(DataError, match=r"m\.keras: its layers cannot be loaded: .*my_cells\.py"):
        Model.load(path)


def test_wrapped_layers_with_cells_and_functions_of_their_file_are_saved(
    project: Path, index_meta: Meta, samples: Samples
) -> None:
    (project / "my_cells.py").write_text(NESTED)
    plan = settings({"Bidirectional": {"layer": "my_cells.py:Nested"}}, epochs=1)
    assert plan.check("v", index_meta) == []
    path = project / "models" / "m.keras"
    expected = trained(plan, index_meta, samples, path).predict(samples.x)
    np.testing.assert_array_equal(Model.load(path).predict(samples.x), expected)
    assert not any(key.startswith("mine>") for key in keras.saving.get_custom_objects())


def test_a_layer_of_an_installed_package_is_saved_and_its_version_required(
    project: Path,
    index_meta: Meta,
    samples: Samples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = tmp_path / "site"
    (site / "fast_cells").mkdir(parents=True)
    (site / "fast_cells" / "__init__.py").write_text("from fast_cells.cells import MinGRU")
    shutil.copy(EXAMPLE, site / "fast_cells" / "cells.py")
    info = site / "fast_cells_kit-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fast-cells-kit\nVersion: 1.5\n")
    (info / "top_level.txt").write_text("fast_cells\n")
    monkeypatch.syspath_prepend(site)
    plan = settings({"Bidirectional": {"layer": {"fast_cells:MinGRU": {"units": 2}}}}, epochs=1)
    assert plan.check("v", index_meta) == []
    assert plan.code == ()
    assert plan.requirements(tmp_path) == ("fast-cells-kit==1.5",)
    path = project / "models" / "m.keras"
    expected = trained(plan, index_meta, samples, path).predict(samples.x)
    np.testing.assert_array_equal(Model.load(path).predict(samples.x), expected)


def test_what_a_file_imports_is_required_to_run_its_model(project: Path) -> None:
    found = settings(CELL).requirements(project)
    assert found == (f"keras=={keras.__version__}",)
    assert settings("LSTM").requirements(project) == ()


def test_an_edited_file_does_not_resume_a_checkpoint_of_the_old_one(project: Path) -> None:
    file = project / "my_cells.py"
    (project / "data").mkdir()
    (project / "data" / "meta.json").touch()
    inputs = find_inputs("keras", project / "data", [file])
    assert find_inputs("keras", project / "data", [file]) == inputs
    file.write_text(file.read_text() + "\n")
    assert find_inputs("keras", project / "data", [file]) != inputs


def test_a_trained_variant_is_complete_without_the_project(
    project: Path, index_meta: Meta, samples: Samples
) -> None:
    """The train stage stores the file; a new process, elsewhere, loads the model with it."""
    workspace = Workspace(project)
    plan = settings({"cells/my_cells.py:MinGRU": {"units": 3}}, dataset="imdb_index", epochs=1)
    (project / "cells").mkdir()
    (project / "my_cells.py").rename(project / "cells" / "my_cells.py")
    params = replace(PARAMS, variants={"own": plan}, questions=[], published={})
    params = replace(params, run=PARAMS.run.model_copy(update={"replicates": 2}))
    folder = workspace.prepared("imdb_index")
    folder.mkdir(parents=True)
    splits = np.full((2, len(samples)), FLAGS["train"], np.uint8)
    splits[:, 100:] = FLAGS["evaluation"]
    write_dataset(folder, index_meta, "official", samples, splits)
    train(workspace, params, "own", lambda _: None)
    files = artifacts(workspace, replace(params, datasets={}), "own", 1)
    names = {path.name for path in files.values()}
    assert names == {"meta.json", "summary.json", "my_cells.py", "replicate_1.keras"}
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    for path in files.values():
        shutil.copy(path, elsewhere)
    shutil.rmtree(project / "cells")
    x = samples.x[100:]
    np.save(elsewhere / "x.npy", x)
    script = (
        "import numpy as np\nfrom pathlib import Path\n"
        "from rnnbench.models.keras.model import Model\n"
        "found = Model.load(Path('replicate_1.keras')).predict(np.load('x.npy'))\n"
        "np.save('found.npy', found)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=elsewhere, env=os.environ, check=True)
    expected = np.load(workspace.predictions("own") / "evaluation.npy")[1]
    np.testing.assert_array_equal(np.load(elsewhere / "found.npy"), expected)
