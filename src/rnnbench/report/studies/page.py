"""The page of a study, and the sentences that answer its question."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.files import new_directory, write_text
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.outputs import rounded
from rnnbench.params import LEARNING_RATE, Params
from rnnbench.report.contrasts import beaten
from rnnbench.report.findings import contrast_text, detectable_text, p_value
from rnnbench.report.markdown import estimate, figure, markdown, render, share, small
from rnnbench.report.outputs import EQUAL, OPEN
from rnnbench.report.studies.analysis import REACHED, Analysis, matching
from rnnbench.report.studies.names import axis_name, facet_name
from rnnbench.report.studies.pictures import draw_study
from rnnbench.studies.outputs import level_text, read_study

# More differences are listed without their figures, which are in the table.
_MANY = 6
_TABLES = ("best", "contrasts", "tuning", "compute")


def analysis_of(workspace: Workspace, params: Params, name: str) -> Analysis:
    """The analysis of a study; raises DataError if its tables are missing, damaged or old."""
    tables, study = read_study(workspace, name), params.study(name)
    trainings = tables["trainings"]
    for axis, values in study.axes.items():
        texts = trainings[axis].astype(str) if axis in trainings else pd.Series([""])
        # A mapping or a list stays a text.
        known = {level_text(v): v if _is_plain(v) else level_text(v) for v in values}
        if unknown := set(texts) - known.keys():
            problem = f"{axis} has other values than in params.yaml ({', '.join(sorted(unknown))})"
            raise DataError(f"{workspace.study(name)}: {problem}; run rnnbench study {name}")
        trainings[axis] = texts.map(known)
    combinations = trainings.groupby(list(study.axes)).size()
    wanted = math.prod(map(len, study.axes.values()))
    if len(combinations) != wanted or combinations.min() < (study.replicates or 1):
        problem = f"{len(combinations)} of {wanted} combinations are trained"
        raise DataError(f"{workspace.study(name)}: {problem}; run rnnbench study {name}")
    return Analysis(study, trainings, tables["curves"], params.comparison)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


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
        edges=bool(analysis.best["edge"].any()),
        redrawn=trainings["protocol"].iloc[0] in ("random", "by_film", "by_group"),
    )
    write_text(folder / "README.md", page)
    return found


def answers_of(workspace: Workspace, params: Params, name: str) -> list[str]:
    """The answers of a study; none if its tables are missing, damaged or of other axes."""
    try:
        return study_answers(analysis_of(workspace, params, name))
    except DataError:
        return []


def study_answers(analysis: Analysis) -> list[str]:
    """What limits the answers; then, for each facet, all scores and significant differences."""
    found = _remarks(analysis)
    if LEARNING_RATE not in analysis.study.axes:
        found.append(f"All have one learning rate, that of `{analysis.study.variant}`.")
    for facet, _ in analysis.facets():
        best, contrasts = (matching(t, facet) for t in (analysis.best, analysis.contrasts))
        start = f"{_words(facet)}: " if facet else ""
        ranked = best.dropna(subset="score").sort_values("score", ascending=analysis.numbers)
        scores = [_with_score(analysis, row) for row in ranked.to_dict("records")]
        if not scores:
            found.append(f"{start}every training diverged.")
            continue
        scores[0] = f"{_measure(analysis)} of {scores[0]}"
        found.append(" ".join([f"{start}{', '.join(scores)}.", *_differences(analysis, contrasts)]))
    return found


def _differences(analysis: Analysis, contrasts: pd.DataFrame) -> list[str]:
    """Sentences about the pairs of a facet: those that differ, those that do not, the open ones."""
    known: list[dict[Any, Any]] = []
    same: list[tuple[str, dict[Any, Any]]] = []
    undecided: list[tuple[str, dict[Any, Any]]] = []
    for row in contrasts.to_dict("records"):
        pair = {key: analysis.level_name(row[key]) for key in ("first", "second")}
        if row["answer"] in (EQUAL, OPEN):
            group = same if row["answer"] == EQUAL else undecided
            group.append((f"`{pair['first']}` and `{pair['second']}`", row))
        else:
            known.append(row | pair)
    found = [contrast_text(row, analysis.settings) for row in known]
    if len(contrasts) > _MANY:
        found = _by_winner(known)
    if same:
        margin = analysis.settings.loss_margin if analysis.numbers else analysis.settings.margin
        shown = share(margin) if analysis.numbers else f"{margin:g}"
        which = f"{len(same)} pairs" if len(same) > _MANY else "; ".join(n for n, _ in same)
        found.append(f"No difference of more than {shown}: {which}.")
    if undecided:
        every = len(undecided) == len(contrasts) > 1
        which = "every difference" if every else "; ".join(names for names, _ in undecided)
        if len(undecided) > _MANY and not every:
            which = f"the other {len(undecided)} differences"
        rows = sorted((row for _, row in undecided), key=lambda row: float(row["detectable"]))
        found.append(f"Open: {which}. {detectable_text(rows[0], rows[-1])}.")
    return found


def _by_winner(rows: list[dict[Any, Any]]) -> list[str]:
    """Which levels each one is better than, without figures, of the most successful one first."""
    by_winner = beaten(rows)
    ranked = sorted(by_winner.items(), key=lambda item: -len(item[1]))
    found = [f"`{name}` is better than `{'`, `'.join(others)}`." for name, others in ranked]
    untested = len(rows) - sum(map(len, by_winner.values()))
    return [*found, f"Not tested: {untested} differences."] if untested else found


def _remarks(analysis: Analysis) -> list[str]:
    """Which levels are weak, and what may still change the answers."""
    best, found = analysis.best, []
    tuned = " or ".join(map(axis_name, analysis.study.tuned))
    remarks = (
        ("Not significantly better than the baseline", best["better_than_baseline"].eq(False)),
        (f"Best {tuned} at the edge of what was tried", best["edge"].astype(bool)),
        ("Best in the last epochs, so that more may help", best["short"].astype(bool)),
    )
    for text, chosen in remarks:
        rows = best[chosen].to_dict("records")
        if named := [f"`{analysis.level_name(row['level'])}`{_of(row, analysis)}" for row in rows]:
            found.append(f"{text}: {'; '.join(named)}.")
    return found


def _with_score(analysis: Analysis, row: dict[Any, Any]) -> str:
    form = small if analysis.numbers else figure
    interval = _interval(row["low"], row["high"], form)
    score = f"{form(row['score'])} ({interval})" if interval else form(row["score"])
    return f"`{analysis.level_name(row['level'])}` {score}"


def _of(row: dict[Any, Any], analysis: Analysis) -> str:
    axes = analysis.study.axes
    facet = {axis: row[axis] for axis in analysis.study.facets if len(axes[axis]) > 1}
    return f" ({_words(facet)})" if facet else ""


def _words(facet: dict[str, Any]) -> str:
    names = {axis: facet_name({axis: value}) for axis, value in facet.items()}
    return ", ".join(f"`{v}`" if axis in ("cell", "dataset") else v for axis, v in names.items())


def _measure(analysis: Analysis) -> str:
    return "squared error" if analysis.numbers else "accuracy"


def _interval(low: float, high: float, form: Callable[[float], str]) -> str:
    return f"{form(low)} to {form(high)}" if pd.notna(low) else ""


def _best_table(analysis: Analysis) -> str:
    form = small if analysis.numbers else figure
    best = analysis.best
    columns: dict[str, Any] = {axis_name(axis): best[axis] for axis in analysis.study.facets}
    columns[axis_name(analysis.study.compared)] = best["level"]
    columns |= {axis_name(axis): best[axis] for axis in analysis.study.tuned}
    columns["units"] = best["units"].map("{:.0f}".format, na_action="ignore")
    columns["parameters of the layers"] = best["recurrent_parameters"].map(
        "{:,.0f}".format, na_action="ignore"
    )
    columns[_measure(analysis)] = best["score"].map(form)
    columns["95 % interval"] = [
        _interval(low, high, form) for low, high in zip(best["low"], best["high"], strict=True)
    ]
    if analysis.numbers:
        columns["within the tolerance"] = best["accuracy"].map(figure)
    columns["after the last epoch"] = best["last"].map(form)
    columns["baseline"] = best["baseline"].map(form)
    columns["better than the baseline"] = best["better_than_baseline"].map(
        {True: "yes", False: "not significantly"}
    )
    if best["diverged"].any():
        columns["diverged"] = [
            f"{diverged} of {count}" if diverged else ""
            for diverged, count in zip(best["diverged"], best["trainings"], strict=True)
        ]
    return markdown(pd.DataFrame(columns).astype(object).fillna(""))


def _contrasts_table(analysis: Analysis) -> str:
    rows = analysis.contrasts
    if rows.empty or "effect" not in rows:
        return ""
    loss, tested = analysis.numbers, rows["effect"].notna()
    neutral, least = (1.0, 2) if loss else (0.0, 4)
    ends = rows[["effect", "low", "high"]].to_numpy(float).tolist()
    needed = rows["needed"].map("{:,.0f}".format, na_action="ignore")
    detectable = rows["detectable"].map(f"{{:.{least}f}}".format)
    unit = "splits" if rows["splits"].max() > 1 else "trainings"
    columns: dict[str, Any] = {axis_name(axis): rows[axis] for axis in analysis.study.facets}
    columns |= {
        "first": rows["first"],
        "second": rows["second"],
        "error of second / first" if loss else "first minus second": [
            (_ratios(e) if loss else estimate(e, (neutral,), least)) if known else "not tested"
            for e, known in zip(ends, tested, strict=True)
        ],
        "p (Holm)": [
            p_value(p).removeprefix("p ").removeprefix("= ") if p == p else ""
            for p in rows["p_adjusted"]
        ],
        "80 % power from": detectable.where(tested, ""),
        f"{unit} needed": needed.fillna("> 1,000").where(tested, ""),
    }
    return markdown(pd.DataFrame(columns).astype(object))


def _ratios(ends: list[float]) -> str:
    effect, low, high = (f"{end:.3g}" for end in ends)
    return f"{effect} ({low} to {high})"


def _tuning_table(analysis: Analysis) -> str:
    table = analysis.tuning
    if table.empty:
        return ""
    form = small if analysis.numbers else figure
    facets, rows = analysis.study.facets, []
    for _, curve in table.groupby([*facets, "level"], sort=False):
        last = curve.to_dict("records")[-1]
        row = {axis_name(axis): last[axis] for axis in facets}
        row[axis_name(analysis.study.compared)] = last["level"]
        row |= {f"best of {k}": form(v) for k, v in zip(curve["k"], curve["expected"], strict=True)}
        rows.append(row | {"within the margin": f"{last['near']} of {last['settings']}"})
    return markdown(pd.DataFrame(rows, dtype=object))


def _compute_table(analysis: Analysis) -> str:
    table = analysis.compute
    if table.empty:
        return ""
    form = small if analysis.numbers else figure
    shown = table.drop(columns="reached").assign(goal=table["goal"].map(form))
    spent = table["reached"].map("{:.2e}".format, na_action="ignore")
    shown["reached with"] = spent.fillna("not reached")
    names = {"level": axis_name(analysis.study.compared)}
    # Compared datasets stand in the first column already.
    shown = shown.loc[:, [n for n in shown if n != analysis.study.compared]]
    return markdown(shown.fillna("").rename(columns=lambda n: names.get(n, axis_name(n))))
