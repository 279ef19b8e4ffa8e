"""Prints a hash of the results of single operations, or of short trainings, one a line.

Run in a process of its own, natively or under an emulated CPU: `fingerprint.py ops`, or
`fingerprint.py cells`. With --dump FOLDER, XLA leaves its programs there.
"""

import rnnbench  # isort: skip - before NumPy

import argparse
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rnnbench import models
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.keras.runtime import load_backend

assert rnnbench.__file__
RNG = np.random.default_rng(0)
Result = dict[str, Any]


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def ops() -> Iterator[tuple[str, Any]]:
    """What trainings, their evaluation and the report compute, one function at a time."""
    yield from numpy_ops()
    tf, keras = load_backend()
    x, positive = normal(1000), np.abs(normal(1000))
    functions: dict[str, Callable[..., Any]] = {
        "tanh": tf.tanh,
        "sigmoid": tf.sigmoid,
        "exp": tf.exp,
        "softmax": lambda v: tf.nn.softmax(tf.reshape(v, (20, 50))),
        "sum": tf.reduce_sum,
        "mean of columns": lambda v: tf.reduce_mean(tf.reshape(v, (100, 10)), 0),
    }
    positive_functions = {"log": tf.math.log, "sqrt": tf.sqrt, "rsqrt": tf.math.rsqrt}
    for name, function in functions.items():
        yield name, compiled(function)(x)
    for name, function in positive_functions.items():
        yield name, compiled(function)(positive)
    yield "division by a root", compiled(lambda a, b: a / tf.sqrt(b))(x, positive)
    for n, k, m in ((64, 40, 24), (32, 8, 24), (320, 32, 24), (32, 256, 64), (16, 2000, 16)):
        yield f"product {n} {k} {m}", compiled(product)(normal(n, k), normal(k, m))
    ids = RNG.integers(0, 50, (32, 20)).astype(np.int32)
    yield "embedding", compiled(embedding)(ids, normal(50, 8))
    yield "product outside XLA", tf.matmul(normal(320, 32), normal(32, 24))
    for shape in ((256, 64), (200, 50), (64, 256), (1600, 400)):
        yield f"orthogonal weights {shape}", keras.initializers.Orthogonal(seed=1)(shape)
    yield "random numbers", keras.random.normal((1000,), seed=1)


def numpy_ops() -> Iterator[tuple[str, Any]]:
    for dtype in (np.float32, np.float64):
        x, a = np.abs(RNG.standard_normal(1001)).astype(dtype), RNG.standard_normal((300, 300))
        for name in ("exp", "log", "log1p", "tanh", "sqrt", "sum", "std"):
            yield f"numpy {name} {dtype.__name__}", getattr(np, name)(x)
        a = a.astype(dtype)
        yield f"numpy product {dtype.__name__}", a @ a.T
        yield f"numpy qr {dtype.__name__}", np.linalg.qr(a)[0]
    yield "numpy random", RNG.gamma(2.0, size=1000)


def product(x: Any, y: Any) -> Any:
    """A product and its gradients."""
    tf, _ = load_backend()
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        z = tf.matmul(x, y)
        total = tf.reduce_sum(tf.tanh(z))
    return z, tape.gradient(total, [x, y])


def embedding(ids: Any, table: Any) -> Any:
    tf, _ = load_backend()
    with tf.GradientTape() as tape:
        tape.watch(table)
        total = tf.reduce_sum(tf.gather(table, ids) ** 2)
    return tf.convert_to_tensor(tape.gradient(total, table))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    tf, _ = load_backend()
    return tf.function(function, jit_compile=True, autograph=False)


EMBEDDING = {"Embedding": {"output_dim": 16}}
MASKED = {"Embedding": {"output_dim": 16, "mask_zero": True}}
SEQUENCES = {"LSTM": {"units": 8, "return_sequences": True}}
LSTM, GRU = {"LSTM": {"units": 8}}, {"GRU": {"units": 64}}
DENSE = {"Dense": {"units": 16, "activation": "relu"}}
NORMALIZED = ["LayerNormalization", {"Dropout": {"rate": 0.5}}, "Flatten"]
# name: encoding, layers, optimizer.
NETWORKS: dict[str, tuple[str, list[Any], str]] = {
    "SimpleRNN on one-hot": ("one_hot", [{"SimpleRNN": {"units": 32}}], "Adam"),
    "LSTM": ("index", [EMBEDDING, LSTM], "Adam"),
    "GRU": ("index", [EMBEDDING, GRU], "Adam"),
    "Bidirectional": ("index", [EMBEDDING, {"Bidirectional": {"layer": LSTM}}], "Adam"),
    "stacked": ("index", [EMBEDDING, SEQUENCES, {"SimpleRNN": {"units": 8}}], "SGD"),
    "Dense on multi-hot": ("multi_hot", [DENSE], "RMSprop"),
    "masked, whole texts": ("ragged", [MASKED, {"Bidirectional": {"layer": GRU}}], "Adam"),
    "normalized, dropout": ("index", [EMBEDDING, SEQUENCES, *NORMALIZED], "Adam"),
}
ARRAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "NumPy": ("index", {"model": "numpy_rnn", "units": 32, "window": 10, "learning_rate": 0.01}),
    "n-grams": ("ragged", {"model": "linear"}),
}


def cells() -> Iterator[tuple[str, Any]]:
    """Two epochs of each kind of network; weights, optimizer and predictions."""
    for name, (encoding, layers, optimizer) in NETWORKS.items():
        settings = {"model": "keras", "layers": layers, "optimizer": optimizer}
        yield name, trained(encoding, settings)
    for name, (encoding, settings) in ARRAYS.items():
        yield name, trained(encoding, settings)


def trained(encoding: str, settings: dict[str, Any]) -> list[Any]:
    # Batches of 512 add up more products than fit into the first cache of some CPUs.
    size = 512 if encoding == "multi_hot" else 32
    meta, samples = dataset(encoding, 3 * size)
    known = models.load(settings["model"]).Settings.model_fields
    sizes = {"epochs": 2, "batch_size": size}
    settings |= {key: value for key, value in sizes.items() if key in known} | {"dataset": "d"}
    checked = models.load(settings["model"]).Settings(**settings)
    model = models.model_class(settings["model"]).build(checked, meta, seed=1)
    model.fit(checked, 1, samples, samples.x, lambda _: None)
    arrays = model.state() or model.arrays()
    return [model.predict(samples.x), *(arrays[key] for key in sorted(arrays))]


def dataset(encoding: str, n: int) -> tuple[Meta, Samples]:
    """Random ids below 600; the class depends on them."""
    vocabulary, length = 600, 20
    whole = encoding in ("ragged", "multi_hot")
    lengths = RNG.integers(5, 80, n) if whole else np.full(n, length)
    texts = [RNG.integers(1, vocabulary, count) for count in lengths]
    y = np.array([text.mean() > vocabulary / 2 for text in texts], np.int64)
    x = Ragged.of(texts, vocabulary) if whole else np.stack(texts).astype(np.uint16)
    meta = Meta(
        corpus="c",
        encoding="index" if encoding == "ragged" else encoding,
        shape=(None,) if whole else (length,),
        vocabulary_size=vocabulary,
        target="binary",
        classes=("no", "yes"),
    )
    return meta, Samples(x, y, np.arange(n))


def digest(value: Any) -> str:
    tf, _ = load_backend()
    parts = (np.ascontiguousarray(np.asarray(part)) for part in tf.nest.flatten(value))
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["ops", "cells"])
    parser.add_argument("--dump")
    parser.add_argument("--without", default="", help="a part of XLA_FLAGS to leave out")
    parser.add_argument("--library-gradients", action="store_true", help="those of TensorFlow")
    arguments = parser.parse_args()
    flags = os.environ["XLA_FLAGS"].replace(arguments.without, "")
    if arguments.dump:
        flags += f" --xla_dump_to={arguments.dump}"
    os.environ["XLA_FLAGS"] = flags
    if arguments.library_gradients:
        from rnnbench.models.keras import gradients

        gradients.transpose_explicitly = lambda: None
    for name, value in {"ops": ops, "cells": cells}[arguments.what]():
        print(f"{name}: {digest(value)}", flush=True)
