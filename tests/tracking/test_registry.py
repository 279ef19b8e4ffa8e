"""Against a real SQLite store."""

import mlflow
import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.tracking.registry import champions, load_model, promote
from rnnbench.tracking.store import store_uri
from tests.frozen import PARAMS

# The best variant, and the smallest one that is not a baseline.
BEST, SMALL = "imdb_numpy_rnn", "imdb_majority"


def comparison(different: bool, samples: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = ["corpus", "evaluation_set", "variant", "role", "replicates", "parameters"]
    rows = [
        ("imdb", 1, BEST, "recurrent network", 5, 900),
        ("imdb", 1, SMALL, "recurrent network", 5, 500),
        ("imdb", 1, "guess", "baseline", 1, 1),
    ]
    pairs = [
        ("imdb", BEST, SMALL, different),
        ("imdb", BEST, "guess", False),
        ("imdb", SMALL, "guess", False),
    ]
    return (
        pd.DataFrame(rows, columns=columns).assign(evaluation_samples=samples),
        pd.DataFrame(pairs, columns=["corpus", "first", "second", "different"]),
    )


def write(workspace: Workspace, different: bool) -> None:
    table, pairs = comparison(different)
    table.to_csv(workspace.metrics / "comparison.csv", index=False)
    pairs.to_csv(workspace.metrics / "pairs.csv", index=False)


def test_a_significant_lead_makes_the_champion_and_otherwise_the_smaller_network() -> None:
    assert champions(*comparison(different=True)) == {"imdb": BEST}
    assert champions(*comparison(different=False)) == {"imdb": SMALL}


def test_where_one_sample_leaves_nothing_to_test_the_best_is_the_champion() -> None:
    assert champions(*comparison(different=False, samples=1)) == {"imdb": BEST}


def test_the_alias_follows_the_comparison_and_versions_remain(project: Workspace) -> None:
    client = mlflow.MlflowClient(store_uri(project))
    found = []
    for different in (True, True, False, True):
        write(project, different)
        assert promote(project, PARAMS, pytest.fail)
        version = client.get_model_version_by_alias("rnnbench-imdb", "champion")
        found.append((int(version.version), version.tags["variant"]))
    assert found == [(1, BEST), (1, BEST), (2, SMALL), (1, BEST)]
    assert client.get_run(version.run_id).data.tags["seed"] == "42"
    variant, by_alias = load_model(project, PARAMS, "imdb", None)
    assert variant == BEST
    _, by_name = load_model(project, PARAMS, "imdb", BEST)
    assert by_alias.predict(["the film"]).equals(by_name.predict(["the film"]))


def test_models_that_rnnbench_did_not_register_are_left_unchanged(project: Workspace) -> None:
    client = mlflow.MlflowClient(store_uri(project))
    client.create_registered_model("imdb")
    client.create_model_version("imdb", "s3://elsewhere/model")
    client.set_registered_model_alias("imdb", "champion", "1")
    write(project, different=False)
    promote(project, PARAMS, pytest.fail)
    assert client.get_model_version_by_alias("imdb", "champion").source == "s3://elsewhere/model"
    assert len(client.search_model_versions("name = 'imdb'")) == 1


def test_a_variant_that_is_not_in_the_store_is_not_promoted(project: Workspace) -> None:
    write(project, different=True)
    for name in ("comparison.csv", "pairs.csv"):
        path = project.metrics / name
        path.write_text(path.read_text().replace(BEST, "imdb_embedding_gru"))
    assert promote(project, PARAMS, pytest.fail) == {}
    with pytest.raises(DataError, match="no champion"):
        load_model(project, PARAMS, "imdb", None)
    with pytest.raises(DataError, match="rnnbench sync"):
        load_model(project, PARAMS, "imdb", "imdb_embedding_gru")


def test_a_store_that_fails_costs_one_warning(project: Workspace, monkeypatch) -> None:
    write(project, different=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    warnings: list[str] = []
    assert promote(project, PARAMS, warnings.append) == {}
    assert len(warnings) == 1


def test_without_a_comparison_the_error_says_what_to_run(project: Workspace) -> None:
    with pytest.raises(DataError, match="run dvc repro"):
        promote(project, PARAMS, pytest.fail)
