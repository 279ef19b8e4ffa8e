"""`rnnbench check`: its exit status, its stamp, and what it reports about dvc.lock."""

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import load_yaml

from rnnbench.cli.lock import locked_stages, renamed_variants
from rnnbench.cli.main import main
from rnnbench.core import versions
from rnnbench.core.errors import DataError
from rnnbench.params import load_params
from tests.frozen import PARAMS_FILE

# Without a variant of Keras, which need not be imported then.
PLAN = """
run: {seed: 1, splits: 2, replicates: 2}
corpora: {product: {steps: 3, tolerance: 0.1}}
datasets: {d: {corpus: product, split: new, train: 4, evaluation: 4}}
variants: {mean: {model: constant, dataset: d}, other: {model: constant, dataset: d}}
comparison: {margin: 0.02, loss_margin: 0.25}
questions: [{question: "Is it better?", variants: [other, mean]}]
published: {}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(PARAMS_FILE, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stamp(project: Path) -> str:
    done = CliRunner().invoke(main, ["check", "--stamp", "data/checked"])
    assert (done.exit_code, "params.yaml is valid: " in done.stdout) == (0, True)
    return (project / "data" / "checked").read_text()


def test_the_stamp_changes_with_library_versions_only(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stamp(project)
    assert f"tensorflow {version('tensorflow')}\n" in first
    (project / "params.yaml").write_text(PLAN)
    assert stamp(project) == first
    upgraded = {"scipy": "99.1"}
    monkeypatch.setattr(versions, "version", lambda name: upgraded.get(name) or version(name))
    assert stamp(project) == first.replace(f"scipy {version('scipy')}\n", "scipy 99.1\n") != first


def test_an_error_leaves_no_stamp(project: Path) -> None:
    file = project / "params.yaml"
    file.write_text(file.read_text().replace("LSTM:\n        units", "LSTM:\n        unit"))
    done = CliRunner().invoke(main, ["check", "--stamp", "data/checked"])
    assert done.exit_code == 2
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    assert "imdb_embedding_lstm.layers[1].LSTM.unit: LSTM has no argument 'unit'" in done.stderr
    assert [path.name for path in project.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize(
    ("valid", "invalid", "error"),
    [
        (
            "[other, mean]",
            "[othe, mean]",
            "questions[0].variants: no variant 'othe' in variants; allowed: mean, other; "
            "did you mean 'other'?",
        ),
        (
            "[other, mean]",
            "[mean, mean]",
            "questions[0]: mean cannot be compared with itself",
        ),
        (
            '[{question: "Is it better?", variants: [other, mean]}]',
            "{}",
            "questions: got {}, expected a list of questions",
        ),
        (
            "loss_margin: 0.25",
            "loss_margin: 0",
            "comparison.loss_margin: got 0; should be greater than 0",
        ),
        (", loss_margin: 0.25", "", "comparison.loss_margin: is missing"),
    ],
)
def test_an_error_in_what_is_asked_is_reported_with_its_key(
    project: Path, valid: str, invalid: str, error: str
) -> None:
    (project / "params.yaml").write_text(PLAN.replace(valid, invalid))
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 2
    assert done.stderr == f"error: {project / 'params.yaml'}: {error}\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "dvc.lock is truncated"),
        ("schema: '2.0'\nstages:\n  tr", "dvc.lock is truncated"),
        ("\0", "dvc.lock is truncated"),
        ("schema: '2.0'\n<<<<<<< HEAD\n", "dvc.lock has merge conflict markers, line 2"),
    ],
    ids=["empty", "cut", "nul", "conflict"],
)
def test_a_damaged_lock_file_is_reported(project: Path, content: str, problem: str) -> None:
    (project / "params.yaml").write_text(PLAN)
    (project / "dvc.lock").write_text(content)
    done = CliRunner().invoke(main, ["check"])
    assert (done.exit_code, problem in done.stderr) == (1, True)


# As DVC writes it, with each kind of entry.
LOCK = """\
schema: '2.0'
stages:
  check:
    cmd: rnnbench check --stamp data/checked
    deps:
    - path: params.yaml
      hash: md5
      md5: 49b367ed21a035f0e919e33a30152051
      size: 20559
    outs:
    - path: data/raw/product
      hash: md5
      md5: 9e11aec911aea6c9a88d4b1e0e13c5a6.dir
      size: 38
      nfiles: 1
  train@mean:
    cmd: rnnbench train
    params:
      params.yaml:
        run:
          seed: 1
        variants.mean:
          model: constant
          rate: 1e-05
    outs:
    - path: metrics/cost/mean.json
      hash: md5
      md5: '12345678901234567890123456789012'
      size: 3
"""


def test_a_lock_file_cut_anywhere_is_truncated_or_valid_for_dvc(tmp_path: Path) -> None:
    path = tmp_path / "dvc.lock"
    (tmp_path / "params.yaml").write_text(PLAN)
    params = load_params(tmp_path / "params.yaml")
    accepted = []
    for end in range(len(LOCK) + 1):
        path.write_text(LOCK[:end])
        try:
            stages = locked_stages(path)
        except DataError as error:
            if "dvc.lock is truncated" not in str(error):
                raise
            continue
        COMPILED_LOCKFILE_SCHEMA(load_yaml(path))
        renamed_variants(params, stages)
        accepted.append(end)
    for end in accepted:
        last = yaml.safe_load(LOCK[:end])["stages"].popitem()[1]
        for entry in (*last.get("deps", ()), *last.get("outs", ())):
            assert {"path", "hash", "md5"} <= entry.keys()
    assert accepted[-1] == len(LOCK)
    # The others end in the middle of an entry or of a stage.
    assert len(accepted) < len(LOCK) / 2
    assert locked_stages(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("valid", "invalid"),
    [
        ("    cmd: rnnbench train\n", ""),
        ("cmd: rnnbench train", "cmd:"),
        ("md5: 49b367ed21a035f0e919e33a30152051", "md5:"),
        ("      md5: 49b367ed21a035f0e919e33a30152051\n", ""),
        ("path: params.yaml", "path:"),
        ("size: 38", "size:"),
        ("'2.0'", "'1.0'"),
        ("schema: '2.0'\n", ""),
        ("        run:\n          seed: 1\n", "        [1]\n"),
        ("  train@mean:", "  check:"),
    ],
)
def test_a_lock_file_that_dvc_cannot_use_is_truncated(
    tmp_path: Path, valid: str, invalid: str
) -> None:
    path = tmp_path / "dvc.lock"
    assert valid in LOCK
    path.write_text(LOCK.replace(valid, invalid, 1))
    with pytest.raises(DataError, match=r"dvc\.lock is truncated"):
        locked_stages(path)


@pytest.mark.parametrize(
    ("edits", "reported"),
    [
        ({"other": "better"}, True),
        ({}, False),
        ({"other": "better", "dataset: d}}": "dataset: d, replicates: 3}}"}, False),
        ({"other": "better", "seed: 1": "seed: 2"}, False),
    ],
    ids=["renamed", "same", "edited too", "other run"],
)
def test_a_renamed_variant_is_reported(
    project: Path, edits: dict[str, str], reported: bool
) -> None:
    plan, text = yaml.safe_load(PLAN), PLAN
    stages = {
        f"train@{name}": {
            "cmd": "rnnbench train",
            "params": {"plan.json": {"plan.run": plan["run"], f"plan.variants.{name}": v}},
        }
        for name, v in plan["variants"].items()
    }
    (project / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    for old, new in edits.items():
        text = text.replace(old, new)
    (project / "params.yaml").write_text(text)
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 0
    assert ("better has the settings of other, which is trained" in done.stderr) == reported


@pytest.mark.parametrize("below", ["", "data"])
def test_the_source_of_reviews_is_found_from_any_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    (project / below).mkdir(exist_ok=True)
    monkeypatch.chdir(project / below)
    monkeypatch.setenv("HOME", str(project))
    corpora, settings = "corpora: {product: {steps: 3, tolerance: 0.1}", "imdb: {source: %s}"
    for source, folder in (("reviews", "reviews"), ("~/mine", "mine"), ("./a b/../c", "c")):
        plan = PLAN.replace(corpora, f"{corpora}, {settings % source}")
        (project / "params.yaml").write_text(plan)
        done = CliRunner().invoke(main, ["check"])
        assert done.exit_code == 2
        assert f"corpora.imdb.source: got {source!r}, expected " in done.stderr
        assert f"{project / folder}' has no folder train" in done.stderr.replace("a b/../", "")
        (project / "a b").mkdir(exist_ok=True)
        (project / folder / "train").mkdir(parents=True)
        assert CliRunner().invoke(main, ["check"]).exit_code == 0
        # Other commands do not need it: its reviews may have been read long ago.
        shutil.rmtree(project / folder)
        done = CliRunner().invoke(main, ["train", "nothing"])
        assert "no variant 'nothing'" in done.stderr


def test_the_environment_is_compared_with_the_lock(project: Path) -> None:
    (project / "params.yaml").write_text(PLAN)
    (project / "requirements.txt").write_text("scipy==0.1 \\\n    --hash=sha256:0\n")
    done = CliRunner().invoke(main, ["check", "--environment"])
    assert done.exit_code == 1
    assert f"tensorflow {version('tensorflow')}" in done.stdout
    assert "XLA_FLAGS=" in done.stdout
    found = version("scipy")
    assert f"- scipy is {found}, and requirements.txt pins 0.1" in done.stdout.splitlines()
