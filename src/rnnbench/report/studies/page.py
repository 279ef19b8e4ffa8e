"""The page of a study, and the sentences that answer its question."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench.core.files import new_directory, write_text
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.outputs import rounded
from rnnbench.params import Params
from rnnbench.report.findings import contrast_text
from rnnbench.report.markdown import figure, markdown, render, share, small
from rnnbench.report.studies.analysis import REACHED, Analysis
from rnnbench.report.studies.pictures import draw_study, facet_name
from rnnbench.studies.outputs import read_study

_TABLES = ("best", "contrasts", "tuning", "compute")


def analysis_of(workspace: Workspace, params: Params, name: str) -> Analysis:
    """The analysis of a study; raises DataError if its tables are missing or damaged."""
    tables = read_study(workspace, name)
    return Analysis(params.study(name), tables["trainings"], tables["curves"], params.comparison)


def write_page(workspace: Workspace, params: Params, name: str) -> list[str]:
    """Write tables, pictures and the page of a study; return the sentences that answer it.

    Raises DataError as `analysis_of`.
    """
    analysis = analysis_of(workspace, params, name)
    folder = workspace.study(name)
    for table in _TABLES:
        content = getattr(analysis, table).map(rounded)
        write_text(folder / f"{table}.csv", content.to_csv(index=False))
    with new_directory(folder / "pictures") as directory:
        draw_study(directory, analysis)
        pictures = {path.name for path in directory.iterdir()}
    found = study_answers(analysis)
    trainings = analysis.trainings
    page = render(
        "study.md.j2",
        name=name,
        study=analysis.study,
        settings=params.comparison,
        answers=found,
        pictures=pictures,
        numbers=analysis.numbers,
        trainings=len(trainings),
        diverged=int(trainings["diverged"].notna().sum()),
        splits=trainings["split"].nunique(),
        evaluation=trainings["evaluation_samples"].max(),
        best=_best_table(analysis),
        contrasts=_contrasts_table(analysis),
        tuning=_tuning_table(analysis),
        compute=_compute_table(analysis),
        reached=share(REACHED),
        edges=[f"{row['level']}{_of(row, analysis)}" for row in _records(analysis) if row["edge"]],
    )
    write_text(folder / "README.md", page)
    return found


def study_answers(analysis: Analysis) -> list[str]:
    """A sentence for each facet: which level is best, and which others it is better than."""
    found = []
    for facet, _ in analysis.facets():
        best, contrasts = (_of_facet(t, facet) for t in (analysis.best, analysis.contrasts))
        ranked = best.dropna(subset="score").sort_values("score", ascending=analysis.numbers)
        start = f"{facet_name(facet)}: " if facet else ""
        if ranked.empty:
            found.append(f"{start}every training has diverged.")
            continue
        top = ranked.iloc[0]
        text = f"{start}`{top['level']}` ranks first ({_score(analysis, top)})."
        for row in contrasts.to_dict("records"):
            if top["level"] in (row["first"], row["second"]):
                text += f" {contrast_text(row, analysis.settings)}"
        found.append(text)
    weak = analysis.best[analysis.best["better_than_baseline"].eq(False)]
    if len(weak):
        named = [f"`{row['level']}`{_of(row, analysis)}" for row in weak.to_dict("records")]
        found.append(f"Not significantly better than the baseline: {'; '.join(named)}.")
    return found


def _records(analysis: Analysis) -> list[dict[Any, Any]]:
    return analysis.best.to_dict("records")


def _of(row: dict[Any, Any], analysis: Analysis) -> str:
    facet = {axis: row[axis] for axis in analysis.study.facets}
    return f" ({facet_name(facet)})" if facet else ""


def _of_facet(table: pd.DataFrame, facet: dict[str, Any]) -> pd.DataFrame:
    for axis, value in facet.items():
        table = table[table[axis] == value]
    return table


def _score(analysis: Analysis, row: Any) -> str:
    form = small if analysis.numbers else figure
    what = "squared error" if analysis.numbers else "accuracy"
    return f"{what} {form(row['score'])}, {form(row['low'])} to {form(row['high'])}"


def _best_table(analysis: Analysis) -> str:
    form = small if analysis.numbers else figure
    best = analysis.best
    columns: dict[str, Any] = {axis: best[axis] for axis in analysis.study.facets}
    columns[analysis.study.compared.replace("_", " ")] = best["level"]
    columns |= {axis.replace("_", " "): best[axis] for axis in analysis.study.tuned}
    columns["units"] = best["units"].map("{:.0f}".format, na_action="ignore")
    columns["parameters of the layers"] = best["recurrent_parameters"].map(
        "{:,.0f}".format, na_action="ignore"
    )
    columns["squared error" if analysis.numbers else "accuracy"] = best["score"].map(form)
    columns["95 % interval"] = best["low"].map(form) + " to " + best["high"].map(form)
    if analysis.numbers:
        columns["within the tolerance"] = best["accuracy"].map(figure)
    columns["last epoch"] = best["last"].map(form)
    columns["baseline"] = best["baseline"].map(form)
    columns["better than it"] = best["better_than_baseline"].map(
        {True: "yes", False: "not significantly"}
    )
    return markdown(pd.DataFrame(columns).astype(object).fillna(""))


def _contrasts_table(analysis: Analysis) -> str:
    rows = analysis.contrasts
    if rows.empty or "effect" not in rows:
        return ""
    loss = analysis.numbers
    effects = [f"{e:.2f}" if loss else f"{e:+.4f}" for e in rows["effect"]]
    bounds = [
        f"{low:.2f} to {high:.2f}" if loss else f"{low:+.4f} to {high:+.4f}"
        for low, high in zip(rows["low"], rows["high"], strict=True)
    ]
    columns: dict[str, Any] = {axis: rows[axis] for axis in analysis.study.facets}
    columns |= {
        "first": rows["first"],
        "second": rows["second"],
        "error of second / first" if loss else "first minus second": effects,
        "interval": bounds,
        "p (Holm)": rows["p_adjusted"].map("{:.3f}".format),
        "80 % power from": rows["detectable"].map("{:.2f}".format if loss else "{:.4f}".format),
        "splits needed": rows["needed"].map("{:.0f}".format, na_action="ignore").fillna("> 1,000"),
    }
    return markdown(pd.DataFrame(columns))


def _tuning_table(analysis: Analysis) -> str:
    table = analysis.tuning
    if table.empty:
        return ""
    form = small if analysis.numbers else figure
    index = [*analysis.study.facets, "level"]
    wide = table.pivot(index=index, columns="k", values="expected").map(form)
    wide.columns = [f"best of {k}" for k in wide.columns]
    last = table[table["k"] == table["settings"]].set_index(index)
    wide["within the margin"] = last["near"].astype(str) + " of " + last["settings"].astype(str)
    order = pd.MultiIndex.from_frame(last.reset_index()[index]) if len(index) > 1 else last.index
    return markdown(wide.reindex(order).reset_index())


def _compute_table(analysis: Analysis) -> str:
    table = analysis.compute
    if table.empty:
        return ""
    form = small if analysis.numbers else figure
    shown = table.drop(columns="reached").assign(goal=table["goal"].map(form))
    compute = table["reached"].map("{:.2e}".format, na_action="ignore")
    shown["compute"] = compute.fillna("not reached")
    if "epoch" in shown:
        shown["epoch"] = shown["epoch"].map("{:.0f}".format, na_action="ignore")
    return markdown(shown.astype(object).fillna("").rename(columns=lambda n: n.replace("_", " ")))
