"""Against a real SQLite store."""

from dataclasses import replace

import mlflow
import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Comparison
from rnnbench.report.champions import champions
from rnnbench.tracking.colours import colour
from rnnbench.tracking.registry import NOTES, load_model, promote
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import reconcile
from tests.frozen import PARAMS

# The best variant, and the smallest one that is not a baseline.
BEST, SMALL = "imdb_numpy_rnn", "imdb_majority"


# Params of which the comparison below has all variants.
COMPLETE = replace(PARAMS, variants={name: PARAMS.variants[name] for name in (BEST, SMALL)})

BEHIND, EQUIVALENT = (0.01, 0.03), (0.001, 0.019)
MARGINS = Comparison(margin=0.02, loss_margin=0.25)


def comparison(
    low: float, high: float, measure: str = "accuracy"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """low, high: the interval of how far the smallest variant is behind the best one."""
    columns = ["corpus", "evaluation_set", "variant", "role", "replicates", "parameters", "target"]
    rows = [
        ("imdb", 1, BEST, "recurrent network", 5, 900, "binary"),
        ("imdb", 1, SMALL, "recurrent network", 5, 500, "binary"),
        ("imdb", 1, "guess", "baseline", 5, 1, "binary"),
        ("imdb", 2, "elsewhere", "recurrent network", 5, 2, "binary"),
        ("imdb", 2, "smallest", "recurrent network", 5, 1, "binary"),
    ]
    pairs = [
        (1, measure, BEST, SMALL, low, high),
        (1, measure, BEST, "guess", low, high),
        (1, measure, SMALL, "guess", low, high),
        (2, measure, "elsewhere", "smallest", low, high),
    ]
    return (
        pd.DataFrame(rows, columns=columns).assign(
            accuracy_low=0.81237, accuracy_high=0.9, verdict="", loss_verdict="", group="a"
        ),
        pd.DataFrame(
            pairs, columns=["evaluation_set", "measure", "first", "second", "low", "high"]
        ),
    )


def write(workspace: Workspace, interval: tuple[float, float]) -> None:
    table, pairs = comparison(*interval)
    table.to_csv(workspace.metrics / "comparison.csv", index=False)
    pairs.to_csv(workspace.metrics / "pairs.csv", index=False)


@pytest.mark.parametrize(
    ("low", "high", "measure", "champion"),
    [
        (-0.01, 0.019, "accuracy", SMALL),
        # Significantly worse, by less than the margin.
        (0.001, 0.019, "accuracy", SMALL),
        # Not significantly worse, but perhaps by more than the margin.
        (-0.01, 0.021, "accuracy", BEST),
        (0.9, 1.24, "loss", SMALL),
        (1.01, 1.24, "loss", SMALL),
        (0.9, 1.26, "loss", BEST),
    ],
)
def test_the_smallest_network_that_is_not_inferior_is_the_champion(
    low: float, high: float, measure: str, champion: str
) -> None:
    assert champions(*comparison(low, high, measure), MARGINS) == {"imdb": champion}


def test_the_margins_are_those_of_params_yaml() -> None:
    for wide, compared in (
        (Comparison(margin=0.05, loss_margin=0.25), comparison(*BEHIND)),
        (Comparison(margin=0.02, loss_margin=0.5), comparison(1.1, 1.4, "loss")),
    ):
        assert champions(*compared, MARGINS) == {"imdb": BEST}
        assert champions(*compared, wide) == {"imdb": SMALL}


def test_where_nothing_is_tested_the_best_is_the_champion() -> None:
    table, pairs = comparison(*EQUIVALENT)
    assert champions(table, pairs[:0], MARGINS) == {"imdb": BEST}


def test_the_alias_follows_the_comparison_and_versions_remain(project: Workspace) -> None:
    client = mlflow.MlflowClient(store_uri(project))
    found = []
    for interval in (BEHIND, BEHIND, EQUIVALENT, BEHIND):
        write(project, interval)
        assert promote(project, COMPLETE, pytest.fail)
        version = client.get_model_version_by_alias("project-imdb", "champion")
        found.append((int(version.version), version.tags["variant"]))
    assert found == [(1, BEST), (1, BEST), (2, SMALL), (1, BEST)]
    assert client.get_run(version.run_id).data.tags["seed"] == "42"
    variant, by_alias = load_model(project, PARAMS, "imdb", None)
    assert variant == BEST
    _, by_name = load_model(project, PARAMS, "imdb", BEST)
    assert by_alias.predict(["the film"]).equals(by_name.predict(["the film"]))


def tags_of(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Variant -> the tags of its run."""
    client = mlflow.MlflowClient(store_uri(workspace))
    experiment = client.get_experiment_by_name("project-imdb").experiment_id
    runs = client.search_runs([experiment], "tags.level = 'variant'")
    return {run.data.tags["variant"]: run.data.tags for run in runs}


def test_the_tags_of_current_runs_follow_the_comparison(project: Workspace) -> None:
    table, pairs = comparison(*BEHIND)
    table.loc[0, "verdict"] = "equivalent"
    # Of a variant of which only a loss was published.
    table.loc[1, "loss_verdict"] = "inconclusive"
    table.to_csv(project.metrics / "comparison.csv", index=False)
    pairs.to_csv(project.metrics / "pairs.csv", index=False)
    promote(project, COMPLETE, pytest.fail)
    common = {"interval": "0.8124 to 0.9000", "group": "a"}
    found = {
        name: {k: tags[k] for k in NOTES if k in tags} for name, tags in tags_of(project).items()
    }
    assert found == {
        BEST: common | {"champion": "champion", "verdict": "equivalent"},
        SMALL: common | {"verdict": "inconclusive"},
    }
    write(project, EQUIVALENT)
    promote(project, COMPLETE, pytest.fail)
    assert [tags.get("champion") for tags in map(tags_of(project).get, (BEST, SMALL))] == [
        None,
        "champion",
    ]
    assert not any("verdict" in tags for tags in tags_of(project).values())


def test_a_run_that_is_no_longer_current_loses_its_tags(project: Workspace) -> None:
    write(project, EQUIVALENT)
    promote(project, COMPLETE, pytest.fail)
    assert tags_of(project)[SMALL].keys() >= {"interval", "champion", "group"}
    rest = replace(PARAMS, variants={BEST: PARAMS.variants[BEST]})
    reconcile(project, rest)
    promote(project, rest, pytest.fail)
    assert not tags_of(project)[SMALL].keys() & set(NOTES)


def test_runs_have_colours_of_their_own_after_a_variant_was_added(project: Workspace) -> None:
    write(project, BEHIND)
    before = {name: tags["mlflow.runColor"] for name, tags in tags_of(project).items()}
    first = next(name for name in PARAMS.variants if PARAMS.corpus_of(name) == "imdb")
    params = replace(PARAMS, variants={"imdb_new": PARAMS.variants[first], **PARAMS.variants})
    promote(project, params, pytest.fail)
    after = {name: tags["mlflow.runColor"] for name, tags in tags_of(project).items()}
    assert after == {name: colour(params, name) for name in (BEST, SMALL)}
    assert after != before


def test_a_comparison_without_some_variants_moves_no_champion(project: Workspace) -> None:
    write(project, BEHIND)
    assert promote(project, PARAMS, pytest.fail) == {"imdb": BEST}
    write(project, EQUIVALENT)
    assert promote(project, PARAMS, pytest.fail) == {"imdb": BEST}
    assert [name for name, tags in tags_of(project).items() if "champion" in tags] == [BEST]
    assert load_model(project, PARAMS, "imdb", None)[0] == BEST
    assert promote(project, COMPLETE, pytest.fail) == {"imdb": SMALL}


def test_models_that_rnnbench_did_not_register_are_left_unchanged(project: Workspace) -> None:
    client, name = mlflow.MlflowClient(store_uri(project)), "project-imdb"
    client.create_registered_model(name)
    client.create_model_version(name, "s3://elsewhere/model")
    client.set_registered_model_alias(name, "champion", "1")
    write(project, EQUIVALENT)
    warnings: list[str] = []
    assert promote(project, PARAMS, warnings.append) == {}
    (warning,) = warnings
    assert "not created by rnnbench" in warning
    assert "RNNBENCH_PROJECT" in warning
    assert client.get_model_version_by_alias(name, "champion").source == "s3://elsewhere/model"
    assert len(client.search_model_versions(f"name = '{name}'")) == 1
    with pytest.raises(DataError, match="not created by rnnbench"):
        load_model(project, PARAMS, "imdb", None)


def test_a_variant_that_is_not_in_the_store_is_not_promoted(project: Workspace) -> None:
    write(project, BEHIND)
    for name in ("comparison.csv", "pairs.csv"):
        path = project.metrics / name
        path.write_text(path.read_text().replace(BEST, "imdb_embedding_gru"))
    assert promote(project, PARAMS, pytest.fail) == {}
    with pytest.raises(DataError, match="no champion"):
        load_model(project, PARAMS, "imdb", None)
    with pytest.raises(DataError, match="rnnbench sync"):
        load_model(project, PARAMS, "imdb", "imdb_embedding_gru")


def test_a_store_that_fails_costs_one_warning(project: Workspace, monkeypatch) -> None:
    write(project, BEHIND)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    warnings: list[str] = []
    assert promote(project, PARAMS, warnings.append) == {}
    assert len(warnings) == 1


def test_without_a_comparison_the_error_says_what_to_run(project: Workspace) -> None:
    with pytest.raises(DataError, match="run dvc repro"):
        promote(project, PARAMS, pytest.fail)
