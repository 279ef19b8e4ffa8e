"""The tables of a paper or a lecture: LaTeX with captions, and CSV with the same rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from rnnbench.core.errors import DataError
from rnnbench.core.files import new_directory, write_text
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.outputs import rounded
from rnnbench.params import Comparison, Params
from rnnbench.report.findings import p_value, protocol
from rnnbench.report.markdown import effect, figure, published_figures, share, small
from rnnbench.report.outputs import EQUAL, FIRST, OPEN, SECOND, UNTESTED, finished
from rnnbench.report.pictures.style import short
from rnnbench.report.statistics.verdicts import NOT_COMPARABLE, NOT_TESTED
from rnnbench.report.studies.analysis import Analysis
from rnnbench.report.studies.names import axis_name
from rnnbench.report.studies.page import analysis_of

# The title of a column of the .tex, the columns of the .csv that it shows, and how.
_Column = tuple[str, tuple[str, ...], Callable[..., str]]

_VARIANT: _Column = ("variant", ("corpus", "variant"), lambda corpus, name: short(name, corpus))
_ANSWERS = {FIRST: "yes", SECOND: "no", EQUAL: "equal", OPEN: "open", UNTESTED: "not tested"}
_KEYS = ("corpus", "variant", "evaluation_samples", "splits", "replicates")
_OVERLAP = "correction of Nadeau and Bengio (2003) for splits that overlap"
# Verdicts without an interval.
_UNTESTED = {
    NOT_COMPARABLE: "Not comparable: its training or evaluation samples are not like ours; "
    "params.yaml has the reason.",
    NOT_TESTED: "Not tested: ours is a single run, or a loss is 0.",
}
# Of the first column, in characters; longer texts are wrapped.
_WIDTH = 25
_ESCAPED = str.maketrans(
    {char: rf"\{char}" for char in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


def write_paper_tables(
    workspace: Workspace, comparison: pd.DataFrame, questions: pd.DataFrame, params: Params
) -> None:
    """Write the folder metrics/tables: NAME.tex, which needs the package booktabs, and NAME.csv.

    NAME is scores_CORPUS_PROTOCOL (and the number of the evaluation set, where a corpus has several
    of one protocol), published_CORPUS, questions or study_STUDY. Only the .tex has captions and
    rounded figures.

    comparison, questions: metrics/comparison.csv and metrics/questions.csv. A study that has not
    been run with its present axes has no table.
    """
    settings, scored = params.comparison, finished(comparison)
    with new_directory(workspace.metrics / "tables") as folder:
        for corpus, rows in scored.groupby("corpus", sort=False):
            title = params.title(str(corpus))
            for name, members in _sets(rows):
                _scores(folder / f"scores_{corpus}_{name}", members, title, settings)
            _published(folder / f"published_{corpus}", rows, title, settings)
        _questions(folder / "questions", questions, scored, settings)
        for study in params.studies:
            try:
                analysis = analysis_of(workspace, params, study)
            except DataError:
                continue
            _study(folder / f"study_{study}", analysis)


def _sets(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The evaluation sets of a task, each with a name."""
    sets = list(rows.groupby("evaluation_set"))
    protocols = [str(members["protocol"].iloc[0]) for _, members in sets]
    return [
        (name if protocols.count(name) == 1 else f"{name}_{number}", members)
        for name, (number, members) in zip(protocols, sets, strict=True)
    ]


def _scores(path: Path, rows: pd.DataFrame, title: str, settings: Comparison) -> None:
    first = rows.iloc[0]
    numbers, memorised = first["target"] == "number", first["protocol"] == "same"
    key, name, form = ("loss", "MSE", small) if numbers else ("accuracy", "accuracy", figure)
    caption = [
        f"{title}: {name} on {_samples(rows['evaluation_samples'], first['splits'])} "
        f"({protocol(first['protocol'])}), mean of {_range(rows['replicates'], 'replicate')}."
    ]
    columns: list[_Column] = [_VARIANT, (name, (key,), form)]
    if memorised:
        caption.append("What is predicted has been learned: there are no intervals and no tests.")
    else:
        columns.append(("95 % interval", (f"{key}_low", f"{key}_high"), _interval(form)))
        caption.append(_coverage(first["protocol"], first["splits"]))
    if numbers:
        columns.append(("solved", ("solved", "replicates"), _count))
        caption.append(
            "Means are geometric. Solved: replicates with at least 90 % of their predictions "
            f"within {first['tolerance']:g} of the target."
        )
    if not memorised and rows["group"].ne("").any():
        columns.append(("group", ("group",), str))
        caption.append(
            "Variants that share a letter are not significantly different: all pairs are tested, "
            "with simultaneous 95 % intervals (minP of Westfall and Young, 1993). The margin, "
            f"chosen beforehand, is {_margin(settings, key)}."
        )
    if first["validation_samples"] > 0:
        columns.append(("last epoch", (f"last_{key}",), form))
        caption.append("Except for the last epoch, the epoch is chosen on the validation part.")
    columns += [
        ("parameters", ("parameters",), "{:,}".format),
        ("replicates", ("replicates",), str),
    ]
    _write(path, rows, columns, caption)


def _published(path: Path, rows: pd.DataFrame, title: str, settings: Comparison) -> None:
    table = pd.DataFrame(
        {key: row[key] for key in _KEYS} | one
        for row in rows.to_dict("records")
        for one in published_figures(row)
    )
    if table.empty:
        return
    of, forms = (dict(zip(table["measure"], table[key], strict=True)) for key in ("of", "form"))

    def score(measure: str, value: float) -> str:
        return str(forms[measure](value))

    columns: list[_Column] = [
        _VARIANT,
        ("measure", ("measure",), of.__getitem__),
        ("published", ("measure", "published"), score),
        ("ours", ("measure", "last"), score),
        ("effect", ("measure", "effect", "low", "high"), _effect(settings)),
        ("verdict", ("verdict",), str),
    ]
    caption = [
        f"{title}: published figures, each taken as one run, and ours after the last epoch: "
        f"means over {_range(table['replicates'], 'replicate')} with "
        f"{_range(table['splits'], 'split')} and "
        f"{_range(table['evaluation_samples'], 'evaluation sample')}.",
        "Effect: published minus ours (losses: published divided by ours, whose mean is "
        "geometric), with the 95 % prediction interval of one more run: Student's t, by the "
        "variance between our replicates and what fewer evaluation samples than ours add to it, "
        "without a correction for splits that overlap.",
        f"Equivalent: the interval is within the margin of {_margin(settings, 'accuracy')} "
        f"(losses: {_margin(settings, 'loss')}), chosen beforehand. Different: it is not, and "
        "excludes equality. Inconclusive: neither.",
        *(text for verdict, text in _UNTESTED.items() if (table["verdict"] == verdict).any()),
    ]
    _write(path, table, columns, caption, _KEYS)


def _questions(
    path: Path, questions: pd.DataFrame, scored: pd.DataFrame, settings: Comparison
) -> None:
    if questions.empty:
        return
    samples = scored.set_index("variant")["evaluation_samples"]
    table = questions.assign(evaluation_samples=questions["first"].map(samples))
    columns: list[_Column] = [
        ("question", ("question",), str),
        ("answer", ("answer",), _ANSWERS.__getitem__),
        ("effect", ("measure", "effect", "low", "high"), _effect(settings)),
        ("p", ("p_adjusted",), _p),
        ("n", ("evaluation_samples",), "{:,.0f}".format),
        ("used", ("used",), "{:.0f}".format),
    ]
    caption = [
        "Questions, tested as one family (Holm), on n evaluation samples.",
        "Effect: accuracy of the first variant minus that of the second (MSE: that of the second "
        "divided by that of the first), with the interval of the level at which the question was "
        f"tested ({_OVERLAP}).",
        f"Equal: the interval is within the margin of {_margin(settings, 'accuracy')} (MSE: "
        f"{_margin(settings, 'loss')}). Used: the splits, or the trainings on a single split.",
    ]
    _write(path, table, columns, caption, ("first", "second", "level", "p", "splits"))


def _study(path: Path, analysis: Analysis) -> None:
    best, study, first = analysis.best, analysis.study, analysis.trainings.iloc[0]
    name, form = ("MSE", small) if analysis.numbers else ("accuracy", figure)
    axes = {axis: axis for axis in study.facets} | {study.compared: "level"}
    axes |= {axis: axis for axis in study.tuned}
    columns: list[_Column] = [(axis_name(axis), (key,), str) for axis, key in axes.items()]
    columns += [
        ("layer parameters", ("recurrent_parameters",), "{:,.0f}".format),
        (name, ("score",), form),
        ("95 % interval", ("low", "high"), _interval(form)),
        ("last epoch", ("last",), form),
        ("trainings", ("trainings",), str),
    ]
    splits = int(analysis.trainings["split"].nunique())
    tuned = " and ".join(map(axis_name, study.tuned))
    samples = _samples(analysis.trainings["evaluation_samples"], splits)
    caption = [
        f"{study.question} {name[0].upper() + name[1:]} on {samples} "
        f"({protocol(first['protocol'])}).",
        f"Of the settings tried, each row has the {tuned} that is best on the validation part."
        if tuned
        else "",
        _coverage(first["protocol"], splits),
        "Means of MSE are geometric." if analysis.numbers else "",
    ]
    _write(path, best.map(rounded), columns, [text for text in caption if text])


def _range(counts: pd.Series[Any], unit: str) -> str:
    """Counts with their unit, as one number or as a range."""
    ends = " to ".join(dict.fromkeys(f"{end:,}" for end in (counts.min(), counts.max())))
    return f"{ends} {unit}{'s' if counts.max() > 1 else ''}"


def _samples(counts: pd.Series[Any], splits: int) -> str:
    place = f" in each of {splits} splits" if splits > 1 else ""
    return f"{_range(counts, 'evaluation sample')}{place}"


def _coverage(kind: str, splits: int) -> str:
    """What the intervals cover on the splits of a protocol."""
    if splits == 1:
        return "The 95 % intervals cover seeds and samples, but no other splits."
    correction = "splits share no samples" if kind == "new" else _OVERLAP
    return f"The 95 % intervals cover seeds, splits and samples ({correction})."


def _margin(settings: Comparison, measure: str) -> str:
    return share(settings.loss_margin) if measure == "loss" else f"{settings.margin:g}"


def _interval(form: Callable[[float], str]) -> Callable[[float, float], str]:
    return lambda low, high: f"{form(low)} to {form(high)}"


def _effect(settings: Comparison) -> Callable[[str, float, float, float], str]:
    def text(measure: str, *ends: float) -> str:
        margin = settings.loss_margin if measure == "loss" else settings.margin
        return effect([*ends], measure, margin)

    return text


def _count(part: float, count: int) -> str:
    return f"{part * count:.0f} of {count}"


def _p(p: float) -> str:
    # The default font of LaTeX has no "<".
    return f"{p:.0e}" if p < 0.001 else p_value(p).removeprefix("p = ")


def _write(
    path: Path,
    rows: pd.DataFrame,
    columns: list[_Column],
    caption: list[str],
    further: tuple[str, ...] = (),
) -> None:
    """Write both files; `further` columns are in the .csv only.

    The first sentence of the caption is its short form, for a list of tables.
    """
    keys = dict.fromkeys([key for _, shown, _ in columns for key in shown] + [*further])
    write_text(path.with_name(f"{path.name}.csv"), rows[[*keys]].to_csv(index=False))
    texts = {
        title: [
            form(*values) if all(map(pd.notna, values)) else ""
            for values in rows[[*shown]].itertuples(index=False, name=None)
        ]
        for title, shown, form in columns
    }
    right = [
        len(shown) == 1 and is_numeric_dtype(rows[shown[0]].dtype) for _, shown, _ in columns[1:]
    ]
    first = "l" if max(map(len, texts[columns[0][0]])) <= _WIDTH else "p{3.2cm}"
    latex = pd.DataFrame(texts).to_latex(
        index=False,
        column_format=first + "".join("r" if number else "l" for number in right),
        escape=True,
        caption=(" ".join(caption).translate(_ESCAPED), caption[0].translate(_ESCAPED)),
        label=f"tab:{path.name}",
        position="htbp",
    )
    write_text(path.with_name(f"{path.name}.tex"), str(latex))
