"""How the cost grows with length, samples, units and replicates; and a million reviews."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.data import ROOT, peak_mib, prepared, project
from benchmarks.side_by_side import duration, output
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import kept, pad

BATCH, DEPTH, ROUNDS, MILLION = 32, 1000, 3, 1_000_000
VARIANT = "imdb_embedding_lstm"
BASE = {"length": 100, "samples": 6400, "units": 8}
CURVES = {
    "length": [50, 100, 200, 400, 800],
    "samples": [1_000, 5_000, 25_000, 250_000],
    "units": [8, 16, 32, 64, 128, 256],
    "replicates": [1, 2, 3, 4, 5],
}
LABELS = {
    "length": "ids a review",
    "samples": "reviews",
    "units": "units",
    "replicates": "replicates of one epoch",
}
# Why, with the factors that `told` puts in.
LIMITS = {
    "length": (
        "{first} times as long for {last} times the length: the steps of a sequence follow one "
        "another, and each has the same few small operations."
    ),
    "samples": "{first} times as long for {last} times the reviews: every batch costs the same.",
    "units": (
        "{first} times as long for {last} times the units: small networks pay for starting each "
        "operation, large ones for the product with the recurrent kernel, which grows with the "
        "square of the units."
    ),
    "replicates": (
        "{first} times as long for {last} replicates: the first one pays the compilation for all."
    ),
}


@dataclass(frozen=True)
class Point:
    """Seconds an epoch; for replicates, of that many trainings of one epoch, compilation too."""

    curve: str
    value: int
    seconds: float


def measured(picture: Path) -> dict[str, Any]:
    """All points, and the seconds and peak MiB of a million reviews; the curves are drawn."""
    found = list(_points())
    _draw(found, picture)
    seconds, peak = _million()
    return {"points": [asdict(point) for point in found], "seconds": seconds, "peak_mib": peak}


def _points() -> Iterator[Point]:
    """An LSTM on real reviews: 100 steps, 6,400 reviews, 8 units, but for one of them."""
    for curve, values in CURVES.items():
        for value in values:
            if curve == "replicates":
                run = _replicates(value)
            else:
                run = _epochs(**(BASE | {curve: value}))
                run()
            seconds = statistics.median(_seconds(run) for _ in range(ROUNDS))
            click.echo(f"growth  {curve} {value:,}: {duration(seconds)}")
            yield Point(curve, value, seconds)


def _epochs(length: int, samples: int, units: int) -> Callable[[], Any]:
    """What runs an epoch."""
    from rnnbench.models.keras import network
    from rnnbench.models.keras.training import Trainer

    meta, x, y = _reviews(length, samples)
    layers = [{"Embedding": {"output_dim": 32}}, {"LSTM": {"units": units}}]
    built = network.build(layers, meta, seed=1)
    trainer = Trainer(built, network.optimizer("Adam"), BATCH, meta)
    rng = np.random.default_rng(0)
    return lambda: trainer.epoch(x, y, rng)


def _replicates(count: int) -> Callable[[], None]:
    """What trains a variant of one epoch, as the stage does, and predicts after it."""
    from rnnbench.models.keras.model import Model

    settings = project()[1].variant(VARIANT).model_copy(update={"epochs": 1})
    meta, x, y = _reviews(BASE["length"], BASE["samples"])
    train = Samples(x, y, np.arange(len(y), dtype=np.int32))

    def run() -> None:
        model = Model.build(settings, meta, seed=0)
        for seed in range(count):
            if seed:
                model.restart(settings, seed)
            model.fit(settings, seed, train, x[:1000], lambda _: None)

    return run


def _seconds(run: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _reviews(length: int, samples: int) -> tuple[Meta, np.ndarray, np.ndarray]:
    """Reviews of frequent words, repeated where there are too few."""
    meta, *splits = prepared("imdb_words")
    padded = [pad(kept(part.x, part.x.values < DEPTH), length, "pre", DEPTH) for part in splits]
    rows = np.arange(samples) % sum(len(part) for part in splits)
    x, y = np.concatenate(padded)[rows], np.concatenate([part.y for part in splits])[rows]
    return meta.model_copy(update={"depth": DEPTH, "shape": (length,)}), x, y


def told(found: list[Point], curve: str) -> str:
    """What limits it, in a sentence with what was measured."""
    own = [point for point in found if point.curve == curve]
    factor = own[-1].seconds / own[0].seconds
    return LIMITS[curve].format(first=f"{factor:.3g}", last=own[-1].value // own[0].value)


def _draw(found: list[Point], path: Path) -> None:
    """Draw one panel a curve, both axes logarithmic, with what proportional growth would be."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "rnnbench"
    figure, axes = plt.subplots(1, len(CURVES), figsize=(12, 3.2), layout="constrained")
    for axis, curve in zip(axes, CURVES, strict=True):
        own = [point for point in found if point.curve == curve]
        x, y = [point.value for point in own], [point.seconds for point in own]
        axis.plot(x, y, "o-", label="measured")
        axis.plot(
            x, [y[-1] * value / x[-1] for value in x], ":", color="gray", label="in proportion"
        )
        axis.set(xscale="log", yscale="log", xlabel=LABELS[curve])
        axis.set_xticks(x, [f"{value:,}" for value in x], minor=False, fontsize=8)
        axis.minorticks_off()
    axes[0].set_ylabel("seconds an epoch")
    axes[-1].set_ylabel("seconds, compilation included")
    axes[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _million() -> tuple[float, float]:
    """Seconds and peak MiB of `preprocess` for a million reviews, the real ones repeated."""
    workspace, params = project()
    with tempfile.TemporaryDirectory() as folder:
        raw, target = Path(folder) / "raw", Path(folder) / "prepared"
        raw.mkdir(), target.mkdir()
        reviews = (workspace.raw("imdb") / "reviews.jsonl").read_bytes()
        count = reviews.count(b"\n")
        total = MILLION // count * count
        with (raw / "reviews.jsonl").open("wb") as file:
            for _ in range(total // count):
                file.write(reviews)
        # Its ids cannot be the published ones, and so it is not said to be the pinned corpus.
        record = {"source": "repeated", "reviews": total, "pinned": False}
        (raw / "corpus.json").write_text(json.dumps(record))
        parts = {"train": total * 4 // 5, "evaluation": total - total * 4 // 5}
        settings = params.dataset("imdb_one_hot_100").model_copy(update=parts)
        arguments = [sys.executable, "-m", "benchmarks.growth", settings.model_dump_json(), folder]
        last = output(arguments, {}, str(ROOT)).splitlines()[-1]
    seconds, peak = json.loads(last)
    click.echo(f"growth  preprocess of {MILLION:,} reviews: {duration(seconds)}, {peak:.0f} MiB")
    return seconds, peak


def _preprocess(settings: str, folder: str) -> None:
    from rnnbench.data.config import TextDataset
    from rnnbench.preprocessing.stage import preprocess

    begin = time.perf_counter()
    dataset = TextDataset.model_validate_json(settings)
    preprocess(dataset, Path(folder) / "raw", Path(folder) / "prepared", 42)
    print(json.dumps([time.perf_counter() - begin, peak_mib()]))


if __name__ == "__main__":
    _preprocess(*sys.argv[1:])
