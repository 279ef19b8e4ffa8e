"""The served champion under load: latency, errors and memory."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import psutil

from benchmarks.results import table
from benchmarks.timing import ROOT

HOST, TASK, CLIENTS, SECONDS = "127.0.0.1", "imdb", 8, 60.0
COMMAND = str(Path(sys.executable).with_name("rnnbench"))
REVIEWS = ROOT / "data" / "raw" / "imdb" / "reviews.jsonl"
# After this share of the time all buffers have their size, and memory should not grow.
WARM_UP = 0.25


def run() -> str:
    """Whole reviews, one per request, from `CLIENTS` clients; ends the program on any error."""
    with REVIEWS.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in itertools.islice(file, 0, 25_000, 5)]
    bodies = [json.dumps({"inputs": [text]}).encode() for text in texts]
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    command = [COMMAND, "serve", "--task", TASK, "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as server, ThreadPoolExecutor(CLIENTS) as pool:
        try:
            _wait(port, server)
            until = time.perf_counter() + SECONDS
            parts = [bodies[n::CLIENTS] for n in range(CLIENTS)]
            clients = [pool.submit(_client, port, part, until) for part in parts]
            memory = []
            while time.perf_counter() < until:
                memory.append(psutil.Process(server.pid).memory_info().rss / 2**20)
                time.sleep(0.25)
            latencies = [seconds * 1000 for client in clients for seconds in client.result()]
        finally:
            server.terminate()
    warm = memory[round(WARM_UP * len(memory)) :]
    cells = {"clients": CLIENTS, "requests": len(latencies)}
    cells["requests per second"] = round(len(latencies) / SECONDS)
    milliseconds = np.percentile(latencies, (50, 95, 99, 100)).round()
    cells |= zip(("p50 ms", "p95 ms", "p99 ms", "max ms"), map(int, milliseconds), strict=True)
    cells |= {
        "first MiB": round(warm[0]),
        "last MiB": round(warm[-1]),
        "peak MiB": round(max(warm)),
    }
    return table([[f"{value:,}" for value in cells.values()]], list(cells))


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when the server responds; end the program if the server ends instead."""
    while server.poll() is None:
        try:
            urlopen(f"http://{HOST}:{port}/ping").close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("rnnbench serve has ended; see above")


def _client(port: int, bodies: list[bytes], until: float) -> list[float]:
    """Seconds of each request over one connection, until the time is over."""
    connection, latencies = HTTPConnection(HOST, port), []
    for body in itertools.cycle(bodies):
        begin = time.perf_counter()
        if begin > until:
            break
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        reply = json.loads(response.read())
        if response.status != 200 or len(reply["predictions"]) != 1:
            raise SystemExit(f"status {response.status}: {reply}")
        latencies.append(time.perf_counter() - begin)
    connection.close()
    return latencies
