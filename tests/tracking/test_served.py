"""Against a really started `mlflow models serve`."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from rnnbench import models, tracking
from rnnbench.encode import read_encoder
from rnnbench.params import load_params
from rnnbench.tracking.registry import model_uri
from rnnbench.tracking.store import store_uri

PARAMS = load_params()
NAME = "imdb_embedding_lstm"
TEXTS = ["the film", "", "film film 😀 the", "the " * 25_000]
BIN = Path(sys.executable).parent


@pytest.fixture
def server(trained, start_server) -> Iterator[str]:
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    client = mlflow.MlflowClient(store_uri(trained))
    command = [str(BIN / "mlflow"), "models", "serve", "--env-manager", "local"]
    command += ["--model-uri", model_uri(client, "imdb", NAME)]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": store_uri(trained),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    with start_server(command, "/ping", env=environment) as (address, _):
        yield address


def post(address: str, body: bytes) -> tuple[int, dict]:
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/invocations", body, head)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def test_text_goes_in_and_the_models_own_answers_come_out(server: str, trained) -> None:
    status, answer = post(server, json.dumps({"inputs": TEXTS}).encode())
    assert status == 200
    model = models.load("keras").model_class().load(trained.model(NAME, 0, ".keras"))
    encoder = read_encoder(trained.prepared("imdb_index_1000"))
    expected = model.predict(encoder.encode(TEXTS)).tolist()
    rows = answer["predictions"]
    assert [row["probability"] for row in rows] == pytest.approx(expected, abs=1e-6)
    assert [row["label"] for row in rows] == [
        "positive" if p > 0.5 else "negative" for p in expected
    ]

    # What is no such request is refused with a reason, and the server goes on.
    for body in (b"{", b"[]", b'{"texts": ["a"]}'):
        status, reason = post(server, body)
        assert status == 400, body
        assert reason["message"]
    table = {"dataframe_split": {"columns": ["text"], "data": [["the film"]]}}
    status, answer = post(server, json.dumps(table).encode())
    assert status == 200
    assert answer["predictions"][0]["probability"] == pytest.approx(expected[0], abs=1e-6)
