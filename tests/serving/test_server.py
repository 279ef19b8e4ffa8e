"""Against a really started `rnnbench serve`."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rnnbench import models
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta
from rnnbench.preprocessing.encoders import read_encoder
from rnnbench.tracking import sync as tracking
from tests.frozen import PARAMS

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("rnnbench"))
NAME = "imdb_embedding_lstm"
MOST = 200_000
TEXTS = ["the film", "", "film film 😀 the", "the " * 25_000]


@pytest.fixture(scope="module")
def project(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("served") / "project"
    shutil.copytree(invented, folder)
    shutil.copy(ROOT / "params.yaml", folder)
    workspace = Workspace(folder)
    meta = read_meta(workspace.prepared("imdb_index_1000"))
    for replicate in range(3):
        model = models.load("keras").model_class().build(PARAMS.variant(NAME), meta, 42 + replicate)
        model.save(workspace.model(NAME, replicate, ".keras"))
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
            patch.delenv(variable, raising=False)
        assert tracking.record(workspace, PARAMS, NAME, pytest.fail)
    return workspace


@pytest.fixture(scope="module")
def server(project: Workspace, start_server) -> Iterator[tuple[str, int, int]]:
    """Host, port and process of a server."""
    command = [COMMAND, "serve", "--variant", NAME, "--max-bytes", str(MOST)]
    with start_server(command, "/ping", cwd=project.root) as (address, process):
        port = int(address.rpartition(":")[2])
        yield "127.0.0.1", port, process.pid


def post(server: tuple[str, int, int], body: object, **head: str) -> tuple[int, dict]:
    connection = http.client.HTTPConnection(*server[:2])
    headers = {"Content-Type": "application/json", **head}
    connection.request("POST", "/invocations", body, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def asked(*texts: str) -> bytes:
    return json.dumps({"inputs": texts}).encode()


def test_text_goes_in_and_the_models_own_answers_come_out(server, project: Workspace) -> None:
    status, answer = post(server, asked(*TEXTS))
    assert status == 200
    model = models.load("keras").model_class().load(project.model(NAME, 0, ".keras"))
    encoder = read_encoder(project.prepared("imdb_index_1000"))
    expected = model.predict(encoder.encode(TEXTS)).tolist()
    rows = answer["predictions"]
    assert [row["probability"] for row in rows] == pytest.approx(expected, abs=1e-6)
    assert [row["label"] for row in rows] == [
        "positive" if p > 0.5 else "negative" for p in expected
    ]
    table = {"dataframe_split": {"columns": ["text"], "data": [["the film"]]}}
    status, answer = post(server, json.dumps(table).encode())
    assert status == 200
    assert answer["predictions"][0]["probability"] == pytest.approx(expected[0], abs=1e-6)


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
def test_any_body_is_answered_or_refused_with_a_reason(server, body: bytes) -> None:
    status, answer = post(server, body)
    assert (status, bool(answer)) == (200, True) or (status == 400 and answer["message"]), answer
    assert "Traceback" not in json.dumps(answer)
    assert post(server, asked("the film"))[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [MOST + 1, 30_000_000])
def test_too_long_a_body_is_refused_with_status_413(server, size: int, chunked: bool) -> None:
    process = psutil.Process(server[2])
    before = process.memory_info().rss
    body = b'{"inputs": ["' + b"a" * size + b'"]}'
    sent = (body[i : i + 65536] for i in range(0, len(body), 65536)) if chunked else body
    status, answer = post(server, sent)
    assert status == 413
    assert f"{MOST:,} bytes" in answer["message"]
    # It was never held as a whole, let stage_lock parsed.
    assert process.memory_info().rss - before < 20_000_000
    assert post(server, asked("the film"))[0] == 200


def test_who_goes_away_in_the_middle_does_no_harm(server) -> None:
    for _ in range(5):
        with socket.create_connection(server[:2]) as client:
            client.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 5000\r\n\r\n{")
    assert post(server, asked("the film"))[0] == 200


def test_only_this_machine_is_listened_to(server) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server[2]).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_eight_clients_at_once_all_get_their_answers(server) -> None:
    texts = [" ".join(["the"] * n + ["film"]) for n in range(8)]
    stage_lock = {text: post(server, asked(text))[1] for text in texts}
    wrong: list[object] = []

    def ask(text: str) -> None:
        for _ in range(40):
            try:
                answer = post(server, asked(text))
            except (OSError, ValueError) as error:
                answer = (0, {"error": repr(error)})
            if answer != (200, stage_lock[text]):
                wrong.append(answer)

    clients = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert wrong == []


def test_a_port_that_is_taken_and_a_missing_model_are_told(server, project: Workspace) -> None:
    for arguments, problem in (
        (["--variant", NAME, "--port", str(server[1])], "give --port"),
        (["--task", "product"], "no champion"),
        (["--task", "nothing"], "no corpus 'nothing'"),
    ):
        done = subprocess.run(
            [COMMAND, "serve", *arguments],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (1, 2)
        assert problem in done.stderr
        assert "Traceback" not in done.stderr
