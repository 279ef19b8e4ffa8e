"""What a publication holds: the tables of one project, and the details of each variant."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import Field

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema, read_json
from rnnbench.core.workspace import Workspace
from rnnbench.params import Comparison, Params
from rnnbench.report.champions import champions
from rnnbench.report.contrasts import pair_answer
from rnnbench.report.costs import Machines
from rnnbench.report.findings import Findings, answers, contrast_text, protocol
from rnnbench.report.outputs import finished, measure_of, read_csv, read_table
from rnnbench.report.studies.page import analysis_of, study_answers
from rnnbench.training.outputs import METRICS, training_settings

RESULTS = "results.json"
# More epochs of a curve, and more numbers, cannot be seen apart at the width of a page.
_EPOCHS, _POINTS = 80, 200
_MAX_TEXT = 500
# Table -> what is taken of it.
_FURTHER = {
    "calibration": ["probability", "share"],
    "scatter": ["target", "prediction"],
    "classes": ["class", "samples", "f1"],
}
_SCORES = ("replicate", "seed", "split", "epoch", "accuracy", "loss")
# What shows that two data sets of the same settings are not the same.
_SIZES = ("training_samples", "validation_samples", "evaluation_samples", "distinct_targets")
_ERRORS = ("sample", "label", "predicted", "probability", "text")

Row = dict[str, Any]


class Curves(Schema):
    """The scores by epoch by which the variant is ranked: accuracies, or losses of numbers.

    training: the mean of the replicates. validation: of each replicate, on its validation part, or
    on the evaluation part if it has none.
    """

    epoch: list[int]
    training: list[float | None]
    validation: list[list[float | None]]


class Details(Schema):
    """One variant beyond its row in the comparison.

    settings: of the variant and its dataset, YAML.
    key: equal for trainings with the same settings on data of the same kind and size, whatever
    their number and seeds. It does not see the texts themselves.
    replicates: the seed, the split, the chosen epoch, accuracy and loss of each that is finished.
    diverged: the seed and the split of each that diverged.
    calibration: pairs of predicted probability and share of positive labels.
    scatter: pairs of a true and a predicted number.
    classes: class, samples and F1 of each class.
    errors: the most confident misclassifications.
    seconds, memory: of one training, and its peak in MiB; None if they are not known.
    """

    settings: str
    key: str
    replicates: list[Row]
    diverged: list[Row]
    curves: Curves | None
    calibration: list[list[float]]
    scatter: list[list[float]]
    classes: list[Row]
    errors: list[Row]
    seconds: float | None
    memory: int | None


class PublishedSet(Schema):
    """Variants with the same evaluation samples.

    key: corpus, protocol and number of samples, by which publications are merged. title: the same
    in words.
    splits: how many the variants have, "" for a single one.
    measure: what they are ranked by. findings: sentences. tested: whether tests make sense.
    """

    key: str
    corpus: str
    number: int
    title: str
    samples: int
    splits: str
    measure: str
    findings: list[str]
    tested: bool


class StudyPage(Schema):
    """A study with its page in Markdown, and the texts of the page's pictures (SVG)."""

    name: str
    question: str
    answers: list[str]
    page: str
    pictures: dict[str, str]
    compared: str
    facets: list[str]
    measure: str
    best: list[Row]
    contrasts: list[Row]
    trainings: int


class Publication(Schema):
    """The results of one project, as `rnnbench publish` writes them.

    label: the name of the project. comparison, pairs, questions: the rows of the tables in
    metrics/; pairs and questions with the sentence that says what was found.
    """

    label: str
    seed: int
    margins: Comparison
    machines: Machines
    sets: list[PublishedSet]
    comparison: list[Row]
    pairs: list[Row]
    questions: list[Row]
    studies: list[StudyPage]
    details: dict[str, Details]


class Publications(Schema):
    """results.json of a published folder: one project, or several that were merged.

    version: of this format.
    """

    version: Literal[1] = 1
    publications: list[Publication] = Field(min_length=1)


def read_publications(folder: Path) -> list[Publication]:
    """What a published folder holds; raises DataError if it is none, or of another version."""
    path = folder / RESULTS
    if not path.is_file():
        raise DataError(f"{folder} is no published folder: it has no {path.name}")
    try:
        return read_json(path, Publications).publications
    except DataError as error:
        raise DataError(f"{path}: damaged, or written by another version of rnnbench") from error


def read_publication(workspace: Workspace, params: Params, label: str) -> Publication:
    """The results in metrics/ with params.yaml; raises DataError if a table is missing or damaged.

    Needs neither data nor models, so that it also works in a new clone.
    """
    comparison, pairs, questions = (
        read_table(workspace.metrics, name) for name in ("comparison", "pairs", "questions")
    )
    known = comparison["variant"].isin(list(params.variants))
    if unknown := sorted(comparison.loc[~known, "variant"]):
        raise DataError(f"params.yaml lacks {', '.join(unknown)} of the comparison; run dvc repro")
    costs = _records(read_csv(workspace.metrics / "cost.csv"))
    further = {name: read_table(workspace.metrics, name) for name in _FURTHER}
    errors = read_csv(workspace.metrics / "confident_misclassifications.csv")
    rows = _records(comparison)
    best = champions(comparison, pairs, params.comparison)
    sets = _sets(comparison, pairs, params)
    keys = {(found.corpus, found.number): found.key for found in sets}
    found = answers(questions, params.comparison, set(comparison["variant"]))
    return Publication(
        label=label,
        seed=params.run.seed,
        margins=params.comparison,
        machines=read_json(workspace.metrics / "cost.json", Machines),
        sets=sets,
        comparison=[
            row
            | {
                "set": keys[row["corpus"], row["evaluation_set"]],
                "champion": best.get(row["corpus"]) == row["variant"],
                "source": _source(params, row["variant"]),
            }
            for row in rows
        ],
        pairs=_pairs(pairs, params.comparison, keys),
        questions=[
            row | {"state": answer["state"], "text": answer["text"]}
            for row, answer in zip(_records(questions), found, strict=True)
        ],
        studies=[
            page for name in params.studies if (page := _study(workspace, params, name)) is not None
        ],
        details={
            row["variant"]: _details(workspace, params, row, costs, further, errors) for row in rows
        },
    )


def _sets(comparison: pd.DataFrame, pairs: pd.DataFrame, params: Params) -> list[PublishedSet]:
    findings = Findings(finished(comparison), pairs)
    found: list[PublishedSet] = []
    for _, rows in comparison.groupby(["corpus", "evaluation_set"], sort=False):
        first = _plain(rows.iloc[0].to_dict())
        corpus, number = first["corpus"], first["evaluation_set"]
        samples = first["evaluation_samples"]
        unit = "sample" if samples == 1 else "samples"
        how = f"{protocol(first['protocol'])}, {samples:,} {unit}"
        found.append(
            PublishedSet(
                key=f"{corpus}: {how}",
                corpus=corpus,
                number=number,
                title=f"{params.title(corpus)}: {how}",
                samples=samples,
                splits=_range(rows["splits"]),
                measure=measure_of(first["target"]),
                findings=findings.of_set(corpus, number),
                tested=first["protocol"] != "same",
            )
        )
    return found


def _source(params: Params, name: str) -> str:
    """Where the published figure stands, and why it may differ from ours."""
    published = params.published.get(name)
    return " ".join(filter(None, [f"{published.source}.", published.note])) if published else ""


def _range(counts: pd.Series[Any]) -> str:
    ends = " to ".join(dict.fromkeys(str(end) for end in (counts.min(), counts.max())))
    return ends if counts.max() > 1 else ""


def _study(workspace: Workspace, params: Params, name: str) -> StudyPage | None:
    """None if the study has not been run with its present axes."""
    folder = workspace.study(name)
    try:
        analysis = analysis_of(workspace, params, name)
        page = (folder / "README.md").read_text("utf-8")
    except (DataError, OSError):
        return None
    return StudyPage(
        name=name,
        question=analysis.study.question,
        answers=study_answers(analysis),
        page=page,
        pictures={
            path.name: path.read_text("utf-8") for path in sorted(folder.glob("pictures/*.svg"))
        },
        compared=analysis.study.compared,
        facets=analysis.study.facets,
        measure=analysis.measure,
        best=_records(analysis.best),
        contrasts=_records(analysis.contrasts),
        trainings=len(analysis.trainings),
    )


def _pairs(
    pairs: pd.DataFrame, settings: Comparison, keys: dict[tuple[str, int], str]
) -> list[Row]:
    """The pairs with their answers and sentences."""
    rows = [row | {"answer": pair_answer(row, settings)} for row in _records(pairs)]
    return [
        row
        | {
            "set": keys[row["corpus"], row["evaluation_set"]],
            "text": contrast_text(row, settings),
        }
        for row in rows
    ]


def _details(
    workspace: Workspace,
    params: Params,
    row: Row,
    costs: list[Row],
    further: dict[str, pd.DataFrame],
    errors: pd.DataFrame,
) -> Details:
    name = row["variant"]
    # A table without rows has no columns of its own.
    own = {
        key: further[key][further[key]["variant"] == name].reindex(columns=columns)
        for key, columns in _FURTHER.items()
    }
    replicates = read_csv(workspace.replicates(name))
    wrong = errors.loc[errors["variant"] == name, list(_ERRORS)]
    cost = next((cost for cost in costs if cost["variant"] == name), {})
    settings = _settings(params, name)
    return Details(
        settings=yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=60),
        key=_key(params, settings, row),
        replicates=_records(replicates[list(_SCORES)]),
        diverged=_diverged(params, name, replicates),
        curves=_curves(workspace, name, measure_of(row["target"])),
        calibration=own["calibration"].dropna().to_numpy(float).tolist(),
        scatter=own["scatter"][:_POINTS].dropna().to_numpy(float).tolist(),
        classes=_records(own["classes"]),
        errors=_records(wrong.assign(text=wrong["text"].str.slice(stop=_MAX_TEXT))),
        seconds=cost.get("seconds_per_replicate"),
        memory=cost.get("peak_memory_mib"),
    )


def _diverged(params: Params, name: str, replicates: pd.DataFrame) -> list[Row]:
    """The seed and the split of each replicate without scores."""
    splits = params.run.split_count if len(replicates) and replicates["split"].max() else 1
    missing = set(range(params.replicates_of(name))) - set(replicates["replicate"])
    return [{"seed": params.run.seed + r, "split": r % splits} for r in sorted(missing)]


def _settings(params: Params, name: str) -> dict[str, Any]:
    """The settings of a variant and of its dataset that decide a training."""
    variant = params.variant(name)
    return {
        "variant": training_settings(variant) | {"model": variant.model},
        "dataset": params.dataset(variant.dataset).model_dump(mode="json", exclude_none=True),
    }


def _key(params: Params, settings: dict[str, Any], row: Row) -> str:
    corpus = settings["dataset"]["corpus"]
    # Where the texts come from is another thing on each machine.
    of_corpus = params.corpus(corpus).model_dump(mode="json", exclude={"source", "path"})
    sizes = {key: row[key] for key in _SIZES}
    content = {**settings, "corpus": of_corpus, "kind": params.kind(corpus), **sizes}
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _curves(workspace: Workspace, name: str, measure: str) -> Curves | None:
    """The curves of a variant with more than one epoch, at most `_EPOCHS` epochs of them."""
    types = {"replicate": int, "epoch": int} | dict.fromkeys(METRICS, float)
    history = read_csv(workspace.history(name), usecols=list(types), dtype=types)
    epochs = sorted(history["epoch"].unique())
    if len(epochs) < 2:
        return None
    step = -(-len(epochs) // _EPOCHS)
    # The last epoch always.
    shown = epochs[::-1][::step][::-1]
    history = history[history["epoch"].isin(shown)]
    by_replicate = history.pivot(index="replicate", columns="epoch", values=f"val_{measure}")
    training = history.groupby("epoch")[measure].mean()
    return Curves(
        epoch=[int(epoch) for epoch in shown],
        training=[_short(value) for value in training],
        validation=[[_short(value) for value in line] for line in by_replicate.to_numpy()],
    )


def _short(value: float) -> float | None:
    """Four digits, which is more than a chart shows."""
    return float(f"{value:.4g}") if pd.notna(value) else None


def _records(table: pd.DataFrame) -> list[Row]:
    return [_plain(row) for row in table.to_dict("records")]


def _plain(row: dict[Any, Any]) -> Row:
    """A row without what JSON has not, such as NaN, and without NumPy's types."""
    values = {str(k): v.item() if hasattr(v, "item") else v for k, v in row.items()}
    return {
        key: None if pd.isna(value) or value in (math.inf, -math.inf) else value
        for key, value in values.items()
    }
