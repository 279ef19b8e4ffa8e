"""Do the findings survive a rerun? The tables of two runs with other seeds, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from rnnbench.core.errors import DataError
from rnnbench.core.files import write_text
from rnnbench.report.markdown import estimate, markdown, render
from rnnbench.report.outputs import FIRST, NEUTRAL, SECOND, measure_of, read_table
from rnnbench.report.outputs import UNTESTED as UNANSWERED
from rnnbench.report.pictures import draw_rerun
from rnnbench.report.statistics.verdicts import DIFFERENT, EQUIVALENT, INCONCLUSIVE

_EFFECT = ("first", "second", "measure", "effect", "low", "high", "p")
_INTERVALS = ("accuracy", "accuracy_low", "accuracy_high", "loss", "loss_low", "loss_high")
# What is read of each table.
_COLUMNS = {
    "comparison": ("corpus", "variant", "target", "verdict", *_INTERVALS),
    "pairs": (*_EFFECT, "different"),
    "questions": (*_EFFECT, "question", "answer"),
}
# What a finding of one run can become in the other.
FOUND, NOT_FOUND, REVERSED, UNTESTED = "found again", "not significant", "reversed", "not tested"


@dataclass(frozen=True)
class Run:
    """The tables of one run: metrics/comparison.csv, pairs.csv and questions.csv."""

    comparison: pd.DataFrame
    pairs: pd.DataFrame
    questions: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> Run:
        """Read the tables of a folder; raises DataError if one is missing or lacks columns."""
        tables = {name: read_table(folder, name) for name in _COLUMNS}
        for name, table in tables.items():
            if missing := set(_COLUMNS[name]) - set(table):
                raise DataError(
                    f"{folder}/{name}.csv lacks {', '.join(sorted(missing))}; another version "
                    "wrote it"
                )
        return cls(**tables)


def write_rerun(metrics: Path, other: Path, page: Path) -> pd.DataFrame:
    """Write the page about the runs with the tables in `metrics` and `other`; return the findings.

    The picture lies next to the page. Raises DataError if a table is missing or damaged, or if the
    runs have no variant in common.
    """
    runs = Run.read(metrics), Run.read(other)
    means = common_means(*runs)
    if means.empty:
        raise DataError(f"{other}: a run without any variant of {metrics}")
    found = pd.concat([findings(*runs), findings(*runs[::-1])], keys=["first", "second"])
    covered = means["covered"].mean()
    tested = found[found["outcome"] != UNTESTED]
    exceptions = tested[tested["outcome"] != FOUND].reset_index(level=0, names="run")
    draw_rerun(page.with_suffix(".svg"), means)
    text = render(
        "rerun.md.j2",
        again=int((found["outcome"] == FOUND).sum()),
        reversed=int((found["outcome"] == REVERSED).sum()),
        stated=len(tested),
        expected=tested["expected"].sum(),
        summary=_summary(found),
        exceptions=exceptions.to_dict("records"),
        answers=_answers(*runs),
        verdicts=_verdicts(*runs),
        rows=len(means),
        covered=covered,
        outside=means[~means["covered"]].to_dict("records"),
        picture=page.with_suffix(".svg").name,
    )
    write_text(page, text)
    return found


def findings(run: Run, rerun: Run) -> pd.DataFrame:
    """What one run states as significant, and what the other one makes of it.

    Columns: kind ("question" or "pair"), statement, better and worse (variants), outcome (found
    again, not significant, reversed or not tested), expected: the probability that a rerun finds it
    again, if the effect is the observed one.
    """
    rows = []
    for kind, name in (("question", "questions"), ("pair", "pairs")):
        later = _by_variants(getattr(rerun, name))
        for row in getattr(run, name).to_dict("records"):
            better = _better(row)
            if better is None:
                continue
            key = frozenset((row["first"], row["second"]))
            outcome = _outcome(better, later.get(key))
            (worse,) = key - {better}
            statement = row.get("question", f"`{better}` is better than `{worse}`.")
            rows.append((kind, statement, better, worse, outcome, _expected(row)))
    columns = ["kind", "statement", "better", "worse", "outcome", "expected"]
    return pd.DataFrame(rows, columns=columns)


def common_means(run: Run, rerun: Run) -> pd.DataFrame:
    """The scores of the variants that both runs have: of the rerun, and the interval of the run.

    Numbers are compared by their loss, all else by accuracy; rows without an interval are left out.
    """
    rows = []
    later = {row["variant"]: row for row in rerun.comparison.to_dict("records")}
    for row in run.comparison.to_dict("records"):
        measure = measure_of(row["target"])
        low, high = row[f"{measure}_low"], row[f"{measure}_high"]
        mean = later[row["variant"]][measure] if row["variant"] in later else None
        if pd.notna(low) and pd.notna(mean):
            covered = bool(low <= mean <= high)
            place = row["corpus"], row["variant"], measure
            rows.append((*place, row[measure], low, high, mean, covered))
    columns = ["corpus", "variant", "measure", "score", "low", "high", "rerun", "covered"]
    return pd.DataFrame(rows, columns=columns)


def _by_variants(table: pd.DataFrame) -> dict[frozenset[str], dict[Any, Any]]:
    rows = table.to_dict("records")
    return {frozenset((row["first"], row["second"])): row for row in rows}


def _better(row: dict[Any, Any]) -> str | None:
    """The variant that is significantly better; None if neither is."""
    if "answer" in row:
        return str(row[row["answer"]]) if row["answer"] in (FIRST, SECOND) else None
    better = "first" if row["effect"] > NEUTRAL[row["measure"]] else "second"
    return str(row[better]) if row["different"] else None


def _outcome(better: str, row: dict[Any, Any] | None) -> str:
    """What the other run says, in its own row, to the better variant of this one."""
    if row is None or row.get("answer") == UNANSWERED:
        return UNTESTED
    again = _better(row)
    return NOT_FOUND if again is None else FOUND if again == better else REVERSED


def _expected(row: dict[Any, Any]) -> float:
    """The normal approximation of the power at the observed effect.

    The effect is z standard errors from none; its interval ends at a multiple of them that follows
    from its bounds, and that is what a rerun must exceed.
    """
    ends = np.array([row["effect"], row["low"], row["high"]], float)
    if row["measure"] == "loss":
        ends = np.log(ends)
    effect, half = abs(ends[0]), (ends[2] - ends[1]) / 2
    z = stats.norm.isf(row["p"] / 2)
    if half == 0 or not np.isfinite(z):
        return 1.0
    return float(stats.norm.cdf(z - z * half / effect))


def _summary(found: pd.DataFrame) -> str:
    """How many findings of each run are found again, and how many were to be expected."""
    rows = []
    for (run, kind), part in found.groupby([found.index.get_level_values(0), "kind"]):
        counts = part["outcome"].value_counts()
        outcomes = (FOUND, NOT_FOUND, REVERSED, UNTESTED)
        rows.append(
            {
                "stated by the": f"{run} run",
                "kind": f"{kind}s",
                "significant": str(len(part)),
                **{name: _share(int(counts.get(name, 0)), len(part)) for name in outcomes},
                "expected again": _share(round(part["expected"].sum(), 1), len(part)),
            }
        )
    return markdown(pd.DataFrame(rows))


def _share(count: float, total: int) -> str:
    return f"{count:g} ({100 * count / total:.0f} %)"


def _answers(run: Run, rerun: Run) -> str:
    """The answers of both runs to each question."""
    later = _by_variants(rerun.questions)
    rows = []
    for row in run.questions.to_dict("records"):
        key = frozenset((row["first"], row["second"]))
        if key in later:
            answers = [_answer(row), _answer(later[key])]
            rows.append([row["question"], *answers])
    return markdown(pd.DataFrame(rows, columns=["question", "first run", "second run"]))


def _answer(row: dict[Any, Any]) -> str:
    if row["answer"] == UNANSWERED:
        return UNTESTED
    word = {FIRST: "yes", SECOND: "no"}.get(row["answer"], row["answer"])
    ends = [row["effect"], row["low"], row["high"]]
    places = 2 if row["measure"] == "loss" else 4
    return f"{word}: {estimate(ends, (NEUTRAL[row['measure']],), places)}"


def _verdicts(run: Run, rerun: Run) -> str:
    """The verdicts of both runs on the published figures."""
    later = rerun.comparison.set_index("variant")["verdict"]
    rows = [
        (row["variant"], row["verdict"], later[row["variant"]])
        for row in run.comparison.to_dict("records")
        if row["verdict"] in (EQUIVALENT, DIFFERENT, INCONCLUSIVE) and row["variant"] in later.index
    ]
    table = pd.DataFrame(rows, columns=["variant", "first run", "second run"])
    return markdown(table) if rows else ""
