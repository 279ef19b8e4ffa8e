"""The pictures of a study: scores, the tuned axis, expected best of k, score by compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.report.pictures.style import BLUE, FAINT, GREEN, GREY, ORANGE, RED, picture
from rnnbench.report.studies.analysis import Analysis, matching
from rnnbench.report.studies.names import axis_name, facet_name

_MARKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (RED, "D"), (GREY, "v"), ("#CC79A7", "P"))
_MAX_COLUMNS = 4


def draw_study(directory: Path, analysis: Analysis) -> None:
    """Draw all pictures that the axes of a study allow into `directory`."""
    _scores(directory / "scores.svg", analysis)
    if analysis.study.tuned and analysis.best["score"].notna().any():
        _sweeps(directory / "tuning.svg", analysis)
    if len(analysis.tuning):
        _expected(directory / "best_of_k.svg", analysis)
    if len(analysis.compute):
        _compute(directory / "compute.svg", analysis)


def _scores(path: Path, analysis: Analysis) -> None:
    """The score of each level at its best setting, with intervals, by facet."""
    best = analysis.best
    names = [facet_name(facet) for facet, _ in analysis.facets()]
    with picture(path, 6.4, 3.2) as figure:
        panel = figure.subplots()
        levels = list(dict.fromkeys(best["level"]))
        for number, level in enumerate(levels):
            rows = best[best["level"] == level]
            # Next to each other, so that intervals do not hide each other.
            shift = 0.12 * (number - (len(levels) - 1) / 2)
            places = np.arange(len(rows)) + shift
            color, marker = _MARKS[number % len(_MARKS)]
            panel.vlines(places, rows["low"].astype(float), rows["high"].astype(float), color=color)
            label = analysis.level_name(level)
            panel.plot(places, rows["score"], marker=marker, color=color, label=label)
        if (baselines := _near_baselines(analysis)) is not None:
            panel.plot(np.arange(len(names)), baselines, "_", color=GREY, ms=26, label="baseline")
        panel.set_xticks(np.arange(len(names)), names)
        _score_axis(panel, analysis, "evaluation")
        figure.legend(loc="outside upper center", ncols=len(levels) + 1)


def _near_baselines(analysis: Analysis) -> pd.Series[float] | None:
    """The baseline of each facet, unless the scores would be a line far away from it."""
    best = analysis.best
    parts = best.groupby(analysis.study.facets or (lambda _: 0), sort=False)["baseline"]
    baselines = parts.mean()
    ends = best[["low", "high", "score"]].astype(float)
    low, high = float(ends.min().min()), float(ends.max().max())
    far = low - float(baselines.max()) > high - low
    return None if far and not analysis.numbers else baselines


def _sweeps(path: Path, analysis: Analysis) -> None:
    """The score at each value of the first tuned axis; a panel a facet."""
    axis = analysis.study.tuned[0]
    with picture(path, *_size(analysis)) as figure:
        facets = list(analysis.facets())
        for panel, (facet, rows) in zip(_panels(figure, len(facets)), facets, strict=False):
            panel.set_title(facet_name(facet))
            for (color, marker), level in zip(_marks(analysis), _levels(analysis), strict=True):
                values, scores = analysis.sweep(rows[rows[analysis.study.compared] == level], axis)
                label = analysis.level_name(level)
                panel.plot(_places(values), scores, marker=marker, color=color, label=label)
            if _is_log(values):
                panel.set_xscale("log")
                panel.set_xticks(values, [f"{value:g}" for value in values], rotation=45)
                panel.minorticks_off()
            else:
                panel.set_xticks(_places(values), list(map(str, values)))
            _score_axis(panel, analysis, "evaluation")
            panel.label_outer(remove_inner_ticks=False)
        figure.supxlabel(axis_name(axis))
        _legend(figure, analysis)


def _expected(path: Path, analysis: Analysis) -> None:
    """The expected score of the best of k settings; a panel a facet."""
    table = analysis.tuning
    with picture(path, *_size(analysis)) as figure:
        facets = list(analysis.facets())
        for panel, (facet, _) in zip(_panels(figure, len(facets)), facets, strict=False):
            panel.set_title(facet_name(facet))
            own = matching(table, facet)
            for (color, marker), level in zip(_marks(analysis), _levels(analysis), strict=True):
                rows = own[own["level"] == level]
                panel.plot(rows["k"], rows["expected"], marker=marker, color=color)
            panel.set_xticks(range(1, int(table["k"].max()) + 1))
            _score_axis(panel, analysis, "evaluation")
            panel.label_outer(remove_inner_ticks=False)
        figure.supxlabel("settings tried")
        _legend(figure, analysis)


def _compute(path: Path, analysis: Analysis) -> None:
    """The best validation score within some compute; a panel a dataset, if they differ."""
    datasets = analysis.compute.drop_duplicates(analysis.dataset_axes or "goal")
    with picture(path, *_size(analysis, len(datasets))) as figure:
        records = datasets.to_dict("records")
        for panel, row in zip(_panels(figure, len(datasets)), records, strict=False):
            dataset = {axis: row[axis] for axis in analysis.dataset_axes}
            panel.axhline(row["goal"], color=FAINT)
            panel.set_title(facet_name(dataset))
            for (color, _), level in zip(_marks(analysis), _levels(analysis), strict=True):
                compute, scores = analysis.envelope(level, dataset)
                panel.step(compute, scores, where="post", color=color)
            panel.set_xscale("log")
            _score_axis(panel, analysis, "validation")
            panel.label_outer(remove_inner_ticks=False)
        figure.supxlabel("multiplications and additions of one training")
        _legend(figure, analysis)


def _levels(analysis: Analysis) -> list[Any]:
    return list(dict.fromkeys(analysis.best["level"]))


def _marks(analysis: Analysis) -> list[tuple[str, str]]:
    return [_MARKS[number % len(_MARKS)] for number in range(len(_levels(analysis)))]


def _legend(figure: Figure, analysis: Analysis) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=color, marker=marker, label=analysis.level_name(level))
        for (color, marker), level in zip(_marks(analysis), _levels(analysis), strict=True)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def _panels(figure: Figure, count: int) -> list[Axes]:
    columns = min(_MAX_COLUMNS, count)
    rows = -(-count // columns)
    panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).ravel())
    for panel in panels[count:]:
        panel.remove()
    return panels[:count]


def _size(analysis: Analysis, panels: int | None = None) -> tuple[float, float]:
    count = panels or sum(1 for _ in analysis.facets())
    columns = min(_MAX_COLUMNS, count)
    return 2.1 * max(columns, 2) + 0.6, 2.2 * -(-count // columns) + 0.5


def _score_axis(panel: Axes, analysis: Analysis, part: str) -> None:
    # A logarithmic axis needs something to show.
    if analysis.numbers and analysis.best["score"].notna().any():
        panel.set_yscale("log")
    what = "squared error" if analysis.numbers else "accuracy"
    panel.set_ylabel(f"{what}, {part}")


def _is_log(values: list[Any]) -> bool:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return len(numbers) == len(values) > 1 and min(numbers) > 0


def _places(values: list[Any]) -> list[Any]:
    return values if _is_log(values) else list(range(len(values)))
