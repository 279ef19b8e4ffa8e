"""Publications as one self-contained HTML page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markdown_it import MarkdownIt
from markupsafe import Markup

from rnnbench.core.errors import DataError
from rnnbench.core.files import new_file, write_text
from rnnbench.core.schema import write_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.roles import RECURRENT
from rnnbench.params import Params
from rnnbench.report.contrasts import beaten
from rnnbench.report.markdown import estimate, figure, published_figures, small, templates
from rnnbench.report.outputs import EQUAL, FIRST, OPEN, SECOND, UNTESTED, measure_of
from rnnbench.report.publication.contents import (
    RESULTS,
    Publication,
    Publications,
    Row,
    StudyPage,
    read_publication,
)
from rnnbench.report.publication.merging import Disagreements
from rnnbench.report.studies.names import facet_name, level_name

# Files of assets/vendor, each after those that it needs, and the licences of their packages.
_SCRIPTS = {
    "d3.min.js": "d3@",
    "plot.umd.min.js": "observablehq-plot@",
    "dataTables.min.js": "datatables.net@",
    "dataTables.rowGroup.min.js": "datatables.net-rowgroup@",
}
_STYLES = {"dataTables.dataTables.min.css": "datatables.net-dt@"}
# What the browser draws; the rest of a publication is in the page as text.
_DRAWN = {"label", "margins", "comparison", "pairs", "questions", "details"}
_ASSETS = files("rnnbench.report.publication").joinpath("assets")
# Texts come from params.yaml and from other people's files: no HTML of theirs.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
# More pairs of a study are counted, not named.
_MANY = 3
_ORDER = ("known", "equal", "open", "untested")
_VERDICTS = {
    FIRST: "Yes",
    SECOND: "No",
    EQUAL: "No difference that matters",
    OPEN: "Open",
    UNTESTED: "Not tested",
}


def write_report(workspace: Workspace, params: Params, note: str = "") -> Path:
    """Write metrics/report.html; returns its path. Raises DataError as `read_publication`.

    note: a sentence about the results, at the top of the page.
    """
    path = workspace.metrics / "report.html"
    # The same in every clone, whatever the name of its folder.
    write_text(path, render_page([read_publication(workspace, params, "rnnbench")], note))
    return path


def write_site(
    folder: Path, publications: list[Publication], found: Sequence[Disagreements] = ()
) -> None:
    """Write index.html and results.json to a folder that any static host can serve.

    Other files there are left alone, such as those of the host. Raises DataError if the folder has
    an index.html that is not an earlier page.
    """
    page, data = folder / "index.html", folder / RESULTS
    if page.exists() and not data.exists():
        raise DataError(f"{page} exists, and was not written by rnnbench publish")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(page, render_page(publications, found=found))
    with new_file(data) as partial:
        write_json(partial, Publications(publications=publications))


def render_page(
    publications: list[Publication],
    note: str = "",
    found: Sequence[Disagreements] = (),
) -> str:
    """The page: one file that needs no network.

    Of several publications, it shows all rows side by side, and where they disagree: `found`.
    note: a sentence about the results.
    """
    template = _environment().get_template("report.html.j2")
    drawn = [_for_browser(publication) for publication in publications]
    return template.render(
        publications=publications,
        note=note,
        merged=len(publications) > 1,
        disagreements=found,
        sets=_sets(publications),
        titles={one.key: one.title for p in publications for one in p.sets},
        quoted=any(published_figures(row) for p in publications for row in p.comparison),
        studies=sum(study.trainings for p in publications for study in p.studies),
        choices=[row | {"from": p.label} for p in publications for row in _choices(p)],
        rows=[row | {"from": p.label} for p in publications for row in p.comparison],
        details={(p.label, name): d for p in publications for name, d in p.details.items()},
        order=_ORDER,
        styles=[*map(_library, _STYLES.items()), _asset("report.css")],
        scripts=[*map(_library, _SCRIPTS.items()), _asset("report.js")],
        data=_json(drawn),
    )


@cache
def _environment() -> Environment:
    environment = templates(autoescape=True)
    environment.filters |= {
        "small": small,
        "sentence": _sentence,
        "page": _page,
        "measure_of": measure_of,
        "published": published_figures,
        "effect": _effect,
        "verdict": lambda row: _VERDICTS[row["answer"]],
        "facets": _facets,
    }
    environment.globals |= {"estimate": estimate, "figure": figure, "small": small}
    return environment


def _sets(publications: list[Publication]) -> dict[str, list[tuple[str, Any]]]:
    """Key of an evaluation set -> label and set of each publication that has it."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for publication in publications:
        for one in publication.sets:
            found.setdefault(one.key, []).append((publication.label, one))
    return found


def _choices(publication: Publication) -> list[Row]:
    """The champion and the best recurrent network of each task in which anything is tested."""
    tested = {one.key for one in publication.sets if one.tested}
    rows = [row for row in publication.comparison if row["set"] in tested]
    recurrent: Row = {}
    for row in rows:
        if row["role"] == RECURRENT and row["accuracy"] is not None:
            recurrent.setdefault(row["corpus"], row["variant"])
    return [r for r in rows if r["champion"] or r["variant"] == recurrent.get(r["corpus"])]


def _for_browser(publication: Publication) -> Row:
    drawn = publication.model_dump(include=_DRAWN)
    drawn["studies"] = [_for_charts(study) for study in publication.studies]
    return drawn


def _for_charts(study: StudyPage) -> Row:
    """What the charts of a study read, with the names of its settings."""
    varied = [axis for axis in study.facets if len({row[axis] for row in study.best}) > 1]

    def facet(row: Row) -> str:
        return facet_name({axis: row[axis] for axis in varied})

    def pair(row: Row) -> str:
        # A ratio is that of the second to the first.
        one, other = (row[SECOND], row[FIRST]) if loss else (row[FIRST], row[SECOND])
        # A number needs its axis once.
        end = level_name(study.compared, other) if isinstance(other, str | bool) else f"{other:,}"
        return f"{level_name(study.compared, one)} {'/' if loss else '–'} {end}"

    loss = study.measure == "loss"
    return {
        "name": study.name,
        "question": study.question,
        "measure": study.measure,
        "facets": len(study.facets),
        "best": [
            {key: row[key] for key in ("score", "low", "high")}
            | {"level": level_name(study.compared, row["level"]), "facet": facet(row)}
            for row in study.best
        ],
        "contrasts": [
            {key: row[key] for key in ("measure", "effect", "low", "high")}
            | {"label": ": ".join(filter(None, [facet(row), pair(row)]))}
            for row in study.contrasts
            if row.get("effect") is not None
        ],
    }


def _asset(name: str) -> Markup:
    """A file of assets/ as the content of a script or style element."""
    text = _ASSETS.joinpath(name).read_text("utf-8")
    # They are part of the package, and none contains the end of its element.
    return Markup(text)  # noqa: S704


def _library(item: tuple[str, str]) -> Markup:
    """A file of assets/vendor below its licence, which every copy has to carry."""
    name, package = item
    (licence,) = (
        path.read_text("utf-8")
        for path in _ASSETS.joinpath("vendor").iterdir()
        if path.name.startswith(f"LICENSE-{package}")
    )
    return Markup(f"/*\n{licence}*/\n") + _asset(f"vendor/{name}")  # noqa: S704


def _json(value: Any) -> Markup:
    """JSON as the content of a script element, which only "<" could end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704


def _sentence(text: str) -> Markup:
    """A sentence in Markdown, its first letter in upper case."""
    return Markup(_MARKDOWN.renderInline(text[:1].upper() + text[1:]))  # noqa: S704


def _page(study: StudyPage) -> Markup:
    """The page of a study below its title and answers, with its pictures inside it."""
    _, _, body = study.page.partition("\n## ")
    html = _MARKDOWN.render(f"## {body}")
    for name, picture in study.pictures.items():
        # Shorter than base64, since an SVG is text.
        data = quote(" ".join(picture.split()), safe=" =/:;,.()-_'<>")
        html = html.replace(f'src="pictures/{name}"', f'src="data:image/svg+xml,{data}"')
    # Its files do not travel with the page.
    html = re.sub(r'<a href="(?!https?:)[^>]*>(.*?)</a>', r"\1", html)
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    html = html.replace("</table>", "</table></div>")
    return Markup(re.sub(r"<(/?)h2>", r"<\1h4>", html))  # noqa: S704


def _effect(row: Row) -> str:
    """The difference of a question, or the ratio of its errors, with the interval of its test."""
    ends = [row["effect"], row["low"], row["high"]]
    if row["measure"] == "accuracy":
        return f"accuracy {'+' if ends[0] > 0 else ''}{estimate(ends, (0.0,))}"
    smaller = ends[0] > 1
    if not smaller:
        ends = [1 / end for end in (ends[0], ends[2], ends[1])]
    return f"error {'smaller' if smaller else 'larger'} by a factor of {estimate(ends, (1.0,), 2)}"


def _facets(study: StudyPage) -> list[tuple[str, str]]:
    """What a study has found for each combination of the settings that are not compared."""

    def facet(row: Row) -> str:
        return facet_name({axis: row[axis] for axis in study.facets})

    found: dict[str, list[Row]] = {facet(row): [] for row in study.best}
    for row in study.contrasts:
        found[facet(row)].append(row)
    weak: dict[str, list[str]] = {}
    for row in study.best:
        if row["better_than_baseline"] is False:
            weak.setdefault(facet(row), []).append(level_name(study.compared, row["level"]))
    return [
        (
            name,
            "; ".join(
                [_short_answer(rows, study.compared)]
                + [f"no better than the baseline: {', '.join(w)}" for w in [weak.get(name)] if w]
            ),
        )
        for name, rows in found.items()
    ]


def _short_answer(rows: list[Row], axis: str) -> str:
    rows = [row | {key: level_name(axis, row[key]) for key in (FIRST, SECOND)} for row in rows]
    better = [f"{name} beats {' and '.join(others)}" for name, others in beaten(rows).items()]
    equal = [
        f"{row[FIRST]} and {row[SECOND]} within the margin"
        for row in rows
        if row["answer"] == EQUAL
    ]
    if len(equal) > _MANY:
        equal = [f"{len(equal)} pairs within the margin"]
    left = [row for row in rows if row["answer"] not in (FIRST, SECOND, EQUAL)]
    rest = ["open" if len(left) == len(rows) else "the rest is open"] if left else []
    text = "; ".join([*better, *equal, *rest])
    return text[:1].upper() + text[1:]
