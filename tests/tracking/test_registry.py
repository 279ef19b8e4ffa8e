"""Against a real sqlite store."""

import mlflow
import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.tracking import sync as tracking
from rnnbench.tracking.registry import champion, champions, model_uri
from rnnbench.tracking.store import store_uri
from tests.frozen import PARAMS

LSTM, GRU = "imdb_embedding_lstm", "imdb_embedding_gru"


def comparison(different: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The GRU leads; the LSTM has fewer parameters, and the floor the fewest."""
    columns = ["corpus", "evaluation_set", "variant", "role", "replicates", "parameters"]
    rows = [
        ("imdb", 1, GRU, "recurrent network", 5, 900),
        ("imdb", 1, LSTM, "recurrent network", 5, 500),
        ("imdb", 1, "imdb_majority", "floor", 1, 1),
    ]
    pairs = [
        ("imdb", GRU, LSTM, different),
        ("imdb", GRU, "imdb_majority", False),
        ("imdb", LSTM, "imdb_majority", False),
    ]
    return (
        pd.DataFrame(rows, columns=columns),
        pd.DataFrame(pairs, columns=["corpus", "first", "second", "different"]),
    )


def write(workspace: Workspace, different: bool) -> None:
    table, pairs = comparison(different)
    table.to_csv(workspace.metrics / "comparison.csv", index=False)
    pairs.to_csv(workspace.metrics / "pairs.csv", index=False)


def test_a_real_lead_makes_the_champion_and_a_tie_goes_to_the_smaller_network() -> None:
    assert champions(*comparison(different=True)) == {"imdb": GRU}
    assert champions(*comparison(different=False)) == {"imdb": LSTM}


def test_the_alias_moves_with_the_comparison_and_versions_are_kept(trained: Workspace) -> None:
    for name in (LSTM, GRU):
        tracking.record(trained, PARAMS, name, pytest.fail)
    client = mlflow.MlflowClient(store_uri(trained))
    crowned = []
    for different in (True, True, False, True):
        write(trained, different)
        assert tracking.promote(trained, PARAMS, pytest.fail)
        version = client.get_model_version_by_alias("rnnbench-imdb", "champion")
        crowned.append((int(version.version), version.tags["variant"]))
    assert crowned == [(1, GRU), (1, GRU), (2, LSTM), (1, GRU)]
    assert "cannot be told apart" in client.get_registered_model("rnnbench-imdb").description
    run = client.get_run(version.run_id)
    assert run.data.tags["seed"] == "42"


def test_the_champion_answers_text(trained: Workspace) -> None:
    tracking.record(trained, PARAMS, LSTM, pytest.fail)
    write(trained, different=False)
    tracking.promote(trained, PARAMS, pytest.fail)
    client = mlflow.MlflowClient(store_uri(trained))
    mlflow.set_tracking_uri(store_uri(trained))
    variant, uri = champion(client, "imdb")
    assert variant == LSTM
    by_alias = mlflow.pyfunc.load_model(uri).predict(["the film"])
    by_name = mlflow.pyfunc.load_model(model_uri(client, "imdb", LSTM)).predict(["the film"])
    assert by_alias.equals(by_name)


def test_models_of_somebody_else_are_left_alone(trained: Workspace) -> None:
    tracking.record(trained, PARAMS, LSTM, pytest.fail)
    client = mlflow.MlflowClient(store_uri(trained))
    client.create_registered_model("imdb")
    client.create_model_version("imdb", "s3://elsewhere/model")
    client.set_registered_model_alias("imdb", "champion", "1")
    write(trained, different=False)
    tracking.promote(trained, PARAMS, pytest.fail)
    assert client.get_model_version_by_alias("imdb", "champion").source == "s3://elsewhere/model"
    assert len(client.search_model_versions("name = 'imdb'")) == 1


def test_what_is_not_in_the_store_is_not_crowned(trained: Workspace) -> None:
    write(trained, different=True)
    assert tracking.promote(trained, PARAMS, pytest.fail) == {}
    client = mlflow.MlflowClient(store_uri(trained))
    with pytest.raises(DataError, match="no champion"):
        champion(client, "imdb")
    with pytest.raises(DataError, match="rnnbench sync"):
        model_uri(client, "imdb", LSTM)


def test_an_unreachable_server_costs_one_warning(trained: Workspace, monkeypatch) -> None:
    write(trained, different=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    warnings: list[str] = []
    assert tracking.promote(trained, PARAMS, warnings.append) == {}
    assert len(warnings) == 1


def test_without_a_comparison_it_says_what_to_do(trained: Workspace) -> None:
    with pytest.raises(DataError, match="run dvc repro"):
        tracking.promote(trained, PARAMS, pytest.fail)
