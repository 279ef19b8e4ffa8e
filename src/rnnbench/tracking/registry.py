"""The registered models: one a corpus, whose best variant carries the alias "champion"."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench import corpora
from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.report.readme import read_comparison
from rnnbench.report.roles import BASELINE, finished
from rnnbench.tracking.store import find_experiment

CHAMPION = "champion"
_RULE = (
    "The champion is the best variant of the task if its lead is real, else, of those that cannot "
    "be told apart from it (paired tests on the evaluation samples, Holm), the one with the fewest "
    "parameters. Floors do not count. It is the replicate of the first seed."
)


# What of comparison.csv the rule needs.
_COLUMNS = ("corpus", "evaluation_set", "variant", "role", "replicates", "parameters")


def registered_name(corpus: str) -> str:
    """What the registered model of a corpus is called; a server may have others of short names."""
    return f"rnnbench-{corpus}"


def champions(table: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, str]:
    """Corpus -> the variant that its rule names.

    table, pairs: metrics/comparison.csv and metrics/pairs.csv.
    """
    found = {}
    scored = finished(table)
    for corpus, rows in scored[scored["role"] != BASELINE].groupby("corpus", sort=False):
        # Where a corpus has several sets of evaluation samples, that of its first variant counts.
        own = rows[rows["evaluation_set"] == rows["evaluation_set"].iloc[0]]
        best = own["variant"].iloc[0]
        worse = pairs.loc[(pairs["first"] == best) & pairs["different"], "second"]
        tied = own[~own["variant"].isin(worse)]
        found[str(corpus)] = str(tied.loc[tied["parameters"].idxmin(), "variant"])
    return found


def promote_all(client: Any, workspace: Workspace, params: Params) -> dict[str, str]:
    """Give each corpus's champion its alias, if the store has its training.

    Returns corpus -> variant of those that have it now. Raises DataError without a comparison,
    and what MLflow raises.
    """
    table, pairs = _comparison(workspace)
    crowned = {}
    for corpus, variant in champions(table, pairs).items():
        if variant in params.variants and (model := find_model(client, corpus, variant)):
            _promote(client, corpus, variant, model)
            crowned[corpus] = variant
    return crowned


def find_model(client: Any, corpus: str, variant: str) -> Any | None:
    """The logged model of a variant's current training, if there is one.

    It is that of the first replicate that has not diverged.
    """
    experiment = find_experiment(client, corpus)
    if experiment is None:
        return None
    number = [experiment.experiment_id]
    query = f"tags.variant = '{variant}' and tags.level = 'variant' and tags.current = 'true'"
    for parent in client.search_runs(number, query, max_results=1):
        children = client.search_runs(number, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
        for run in sorted(children, key=lambda run: int(run.data.tags["seed"])):
            if run.outputs and run.outputs.model_outputs:
                return client.get_logged_model(run.outputs.model_outputs[0].model_id)
    return None


def model_uri(client: Any, corpus: str, variant: str) -> str:
    """Where MLflow finds the model of `find_model`; raises DataError if there is none."""
    model = find_model(client, corpus, variant)
    if model is None:
        raise DataError(f"{variant} is not in MLflow; run dvc repro, or rnnbench sync")
    return str(model.model_uri)


def champion(client: Any, corpus: str) -> tuple[str, str]:
    """A corpus's champion, and where MLflow finds it; raises DataError if there is none."""
    name = registered_name(corpus)
    for model in client.search_registered_models(f"name = '{name}'"):
        if CHAMPION in model.aliases:
            version = client.get_model_version_by_alias(name, CHAMPION)
            return version.tags["variant"], f"models:/{name}@{CHAMPION}"
    raise DataError(f"{corpus} has no champion in MLflow yet; run dvc repro, or rnnbench sync")


def _promote(client: Any, corpus: str, variant: str, model: Any) -> None:
    name = registered_name(corpus)
    if not client.search_registered_models(f"name = '{name}'"):
        title = f"{corpora.load(corpus).TITLE}. {_RULE}"
        client.create_registered_model(name, description=title)
    versions = client.search_model_versions(f"name = '{name}'")
    own = [version for version in versions if version.tags.get("model_id") == model.model_id]
    version = own[0] if own else None
    if version is None:
        version = client.create_model_version(
            name,
            source=model.artifact_location,
            run_id=model.source_run_id,
            tags={"variant": variant, "model_id": model.model_id},
            description=f"`{variant}`. {_RULE}",
            model_id=model.model_id,
        )
    if CHAMPION not in version.aliases:
        client.set_registered_model_alias(name, CHAMPION, version.version)


def _comparison(workspace: Workspace) -> tuple[pd.DataFrame, pd.DataFrame]:
    try:
        table = read_comparison(workspace.metrics / "comparison.csv")
        pairs = pd.read_csv(workspace.metrics / "pairs.csv")
        return table[list(_COLUMNS)], pairs[["first", "second", "different"]]
    except (OSError, ValueError, LookupError) as error:
        raise DataError(f"{workspace.metrics}: no comparison ({error}); run dvc repro") from error
