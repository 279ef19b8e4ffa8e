"""The registered models: one per corpus, whose best variant has the alias "champion"."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import mlflow
import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.masking import masked
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.report.champions import champions
from rnnbench.report.outputs import read_table
from rnnbench.tracking.colours import COLOUR, colour
from rnnbench.tracking.project import is_project, name_in_mlflow
from rnnbench.tracking.runs import CURRENT_TAG
from rnnbench.tracking.store import (
    CURRENT,
    OUT_OF_DATE,
    OWNER,
    check_owner,
    find_experiment,
    find_runs,
    open_store,
)
from rnnbench.tracking.verification import find_model, nested_runs

# The tags that the comparison gives to the current run of a variant.
NOTES = ("interval", "champion", "verdict", "group")
_ALIAS = "champion"
_RULE = (
    "The champion is the smallest model that is not inferior: of the variants that are worse than "
    "the best one by no more than the margin in params.yaml, as the simultaneous 95 % interval "
    "shows, the one with the fewest parameters. Baselines are excluded. "
    "The model is the replicate with the first seed."
)


def promote(workspace: Workspace, params: Params, warn: Callable[[str], None]) -> dict[str, str]:
    """Give the champion of each corpus its alias if the store has its model.

    The current runs get their colours and the tags `NOTES`, which other runs lose. A corpus of
    which the comparison lacks variants keeps the champion that it has. Returns corpus -> champion
    of those with an alias now; a queued experiment changes none. Calls `warn` if the store fails.
    Raises DataError without a comparison.
    """
    promoted: dict[str, str] = {}
    if not is_project(workspace):
        return promoted
    table, pairs = (
        read_table(workspace.metrics, "comparison"),
        read_table(workspace.metrics, "pairs"),
    )
    found = champions(table, pairs, params.comparison)
    try:
        with open_store(workspace) as client:
            for corpus, variant in found.items():
                chosen = _champion_to_keep(client, workspace, params, table, corpus) or variant
                if chosen not in params.variants:
                    continue
                if model := _find_model(client, workspace, corpus, chosen):
                    _promote(client, workspace, corpus, params.title(corpus), chosen, model)
                    promoted[corpus] = chosen
            notes = _notes(table, promoted.values())
            for run in find_runs(client, workspace, "tags.level = 'variant'"):
                _annotate(client, params, run, notes)
    except DataError as error:
        warn(OUT_OF_DATE.format(error))
    return promoted


def _champion_to_keep(
    client: Any, workspace: Workspace, params: Params, table: pd.DataFrame, corpus: str
) -> str | None:
    """The champion that an incomplete comparison must not replace; None if there is none."""
    variants = {name for name in params.variants if params.corpus_of(name) == corpus}
    if variants <= set(table["variant"]):
        return None
    try:
        variant, _ = _champion(client, workspace, corpus)
    except DataError:
        return None
    return variant if variant in variants else None


def _annotate(client: Any, params: Params, run: Any, notes: dict[str, dict[str, str]]) -> None:
    """Give the run of a variant its tags and colour; only a current one has any of `NOTES`."""
    tags, run_id, name = run.data.tags, run.info.run_id, run.data.tags.get("variant", "")
    wanted = {}
    if tags.get(CURRENT_TAG) == "true" and name in params.variants:
        wanted = {key: value for key, value in notes.get(name, {}).items() if value}
        # A variant that was added since the training may have the colour that it was logged with.
        wanted[COLOUR] = colour(params, name)
    for key in tags.keys() & set(NOTES) - wanted.keys():
        client.delete_tag(run_id, key)
    for key, value in wanted.items():
        if tags.get(key) != value:
            client.set_tag(run_id, key, value)


def _notes(table: pd.DataFrame, champions: Collection[str]) -> dict[str, dict[str, str]]:
    """Variant -> the values of `NOTES`, "" for none.

    interval: the 95 % interval of its accuracy or loss. verdict: on the published accuracy, or the
    loss if only that was published.
    """
    found = {}
    for row in table.to_dict("records"):
        measure, form = ("loss", "{:.3g}") if row["target"] == "number" else ("accuracy", "{:.4f}")
        ends = [row[f"{measure}_low"], row[f"{measure}_high"]]
        interval = " to ".join(map(form.format, ends)) if pd.notna(ends).all() else ""
        champion = "champion" if row["variant"] in champions else ""
        verdict = row["verdict"] or row["loss_verdict"]
        values = (interval, champion, verdict, row["group"])
        found[str(row["variant"])] = dict(zip(NOTES, values, strict=True))
    return found


def load_model(
    workspace: Workspace, params: Params, corpus: str, variant: str | None
) -> tuple[str, Any]:
    """The current model of a variant, by default the champion of the corpus.

    Returns the variant and a pyfunc model. Raises DataError if the store fails or lacks the model,
    and UnknownNameError.
    """
    with open_store(workspace, write=False) as client:
        if variant is None:
            variant, uri = _champion(client, workspace, corpus)
        else:
            corpus = params.corpus_of(variant)
            model = _find_model(client, workspace, corpus, variant)
            if model is None:
                raise DataError(f"{variant} is not in MLflow; run dvc repro or rnnbench sync")
            uri = model.model_uri
        try:
            return variant, mlflow.pyfunc.load_model(uri)
        # Of MLflow, of the model family, of the system.
        except Exception as error:
            reason = masked(" ".join(str(error).split()))[:200]
            raise DataError(
                f"{variant}: MLflow cannot read the model ({reason}); run rnnbench sync"
            ) from error


def _find_model(client: Any, workspace: Workspace, corpus: str, variant: str) -> Any | None:
    """The logged model of a variant's current training: its first replicate that has one."""
    experiment = find_experiment(client, workspace, corpus)
    if experiment is None:
        return None
    ids = [experiment.experiment_id]
    for parent in client.search_runs(ids, f"tags.variant = '{variant}' and {CURRENT}"):
        for run in nested_runs(client, parent).values():
            if model := find_model(client, run):
                return model
    return None


def _registered(client: Any, workspace: Workspace, corpus: str) -> Any | None:
    """The registered model of a corpus; None if there is none.

    Raises DataError if rnnbench did not register the model of that name.
    """
    name = name_in_mlflow(workspace, corpus)
    for model in client.search_registered_models(f"name = '{name}'"):
        check_owner("model", model, corpus)
        return model
    return None


def _champion(client: Any, workspace: Workspace, corpus: str) -> tuple[str, str]:
    """The champion of a corpus and the URI of its model."""
    model = _registered(client, workspace, corpus)
    if model is None or not (number := model.aliases.get(_ALIAS)):
        raise DataError(f"{corpus} has no champion in MLflow; run dvc repro or rnnbench sync")
    version = client.get_model_version(model.name, number)
    return version.tags.get("variant", model.name), f"models:/{model.name}/{number}"


def _promote(
    client: Any, workspace: Workspace, corpus: str, title: str, variant: str, model: Any
) -> None:
    name = name_in_mlflow(workspace, corpus)
    if _registered(client, workspace, corpus) is None:
        client.create_registered_model(name, {OWNER: corpus}, f"{title}. {_RULE}")
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get("model_id") == model.model_id:
            break
    else:
        version = client.create_model_version(
            name,
            source=model.artifact_location,
            run_id=model.source_run_id,
            tags={"model_id": model.model_id},
            description=f"`{variant}`. {_RULE}",
            model_id=model.model_id,
        )
    client.set_model_version_tag(name, version.version, "variant", variant)
    client.set_registered_model_alias(name, _ALIAS, version.version)
