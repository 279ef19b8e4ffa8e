"""Against a running `rnnbench serve`."""

import http.client
import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from rnnbench import models
from rnnbench.cli.main import main
from rnnbench.core.workspace import Workspace
from rnnbench.preprocessing.encoders import read_encoder
from rnnbench.tracking.sync import log_trainings
from tests.frozen import PARAMS
from tests.stores import new_project

COMMAND = str(Path(sys.executable).with_name("rnnbench"))
NAME = "imdb_embedding_lstm"
MAX_BYTES = 200_000
TEXTS = ["the film", "", "film film 😀 the", "the " * 25_000]


@pytest.fixture(scope="module")
def project(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = new_project(invented, tmp_path_factory.mktemp("served") / "project", [NAME])
    assert log_trainings(workspace, PARAMS, [NAME], pytest.fail)
    return workspace


@pytest.fixture(scope="module")
def server(project: Workspace, start_server) -> Iterator[tuple[str, int, int]]:
    """Host, port and process of a server."""
    command = [COMMAND, "serve", "--variant", NAME, "--max-bytes", str(MAX_BYTES)]
    with start_server(command, "/ping", cwd=project.root) as (address, process):
        port = int(address.rpartition(":")[2])
        yield "127.0.0.1", port, process.pid


def post(server: tuple[str, int, int], body: object) -> tuple[int, dict]:
    connection = http.client.HTTPConnection(*server[:2])
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    reply = json.loads(response.read())
    connection.close()
    return response.status, reply


def body_of(*texts: str) -> bytes:
    return json.dumps({"inputs": texts}).encode()


def test_texts_get_the_predictions_of_the_model(server, project: Workspace) -> None:
    status, reply = post(server, body_of(*TEXTS))
    assert status == 200
    model = models.model_class("keras").load(project.model(NAME, 0, ".keras"))
    encoder = read_encoder(project.prepared(PARAMS.variant(NAME).dataset))
    expected = model.predict(encoder.encode(TEXTS)).tolist()
    rows = reply["predictions"]
    assert [row["probability"] for row in rows] == pytest.approx(expected, abs=1e-6)
    assert [row["label"] for row in rows] == [
        "positive" if p > 0.5 else "negative" for p in expected
    ]
    table = {"dataframe_split": {"columns": ["text"], "data": [["the film"]]}}
    status, reply = post(server, json.dumps(table).encode())
    assert status == 200
    assert reply["predictions"][0]["probability"] == pytest.approx(expected[0], abs=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"texts": ["a"]}',
        b'{"inputs": null}',
        b'{"inputs": [1, 2]}',
        b'{"inputs": [["a", "b"]]}',
        b'{"inputs": {"a": ["b"]}}',
        b'{"inputs": [null]}',
        b'{"inputs": ["\\ud800"]}',
        b'{"inputs": ["a"], "params": {"x": 1}}',
        b'{"inputs": []}',
        b"[" * 10_000,
    ],
)
def test_any_body_gets_a_prediction_or_status_400_with_a_reason(server, body: bytes) -> None:
    status, reply = post(server, body)
    assert (status, bool(reply)) == (200, True) or (status == 400 and reply["message"]), reply
    assert "Traceback" not in json.dumps(reply)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [MAX_BYTES + 1, 30_000_000])
def test_too_long_a_body_gets_status_413(server, size: int, chunked: bool) -> None:
    process = psutil.Process(server[2])
    before = process.memory_info().rss
    body = b'{"inputs": ["' + b"a" * size + b'"]}'
    sent = (body[i : i + 65536] for i in range(0, len(body), 65536)) if chunked else body
    status, reply = post(server, sent)
    assert status == 413
    assert f"{MAX_BYTES:,} bytes" in reply["message"]
    # The whole body was never in memory.
    assert process.memory_info().rss - before < 20_000_000


def test_clients_that_disconnect_early_do_no_harm(server) -> None:
    for _ in range(5):
        with socket.create_connection(server[:2]) as client:
            client.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 5000\r\n\r\n{")
    assert post(server, body_of("the film"))[0] == 200


def test_the_server_listens_on_the_loopback_interface_only(server) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server[2]).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_eight_clients_at_once_all_get_their_predictions(server) -> None:
    texts = [" ".join(["the"] * n + ["film"]) for n in range(8)]
    expected = {text: post(server, body_of(text))[1] for text in texts}
    wrong: list[object] = []

    def ask(text: str) -> None:
        for _ in range(20):
            try:
                reply = post(server, body_of(text))
            except (OSError, ValueError) as error:
                reply = (0, {"error": repr(error)})
            if reply != (200, expected[text]):
                wrong.append(reply)

    clients = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--port", "TAKEN"], 1, "choose a --port"),
        (["--port", "FREE"], 1, "no champion"),
        (["--task", "nothing"], 2, "no corpus 'nothing'"),
    ],
)
def test_what_cannot_be_served_is_an_error(
    server, project: Workspace, monkeypatch, arguments: list[str], status: int, message: str
) -> None:
    monkeypatch.chdir(project.root)
    with socket.create_server(("127.0.0.1", 0)) as free:
        ports = {"TAKEN": server[1], "FREE": free.getsockname()[1]}
    arguments = [str(ports.get(argument, argument)) for argument in arguments]
    done = CliRunner().invoke(main, ["serve", *arguments])
    assert done.exit_code == status
    assert message in done.stderr
