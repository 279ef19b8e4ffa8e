"""How the served champion bears load: latency, errors and memory.

Run in a project with a champion: python benchmarks/serving.py --clients 8 --seconds 60
"""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import psutil

HOST = "127.0.0.1"
COMMAND = str(Path(sys.executable).with_name("rnnbench"))
REVIEWS = Path("data/raw/imdb/reviews.jsonl")
# After this share of the time all buffers have their size, and memory is to stay flat.
WARM = 0.25


@dataclass
class Load:
    """What all clients together met."""

    latencies: list[float] = field(default_factory=list)
    errors: list[object] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when the server answers; raises click.ClickException if it ends instead."""
    while server.poll() is None:
        connection = http.client.HTTPConnection(HOST, port)
        try:
            connection.request("GET", "/ping")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise click.ClickException("rnnbench serve has ended; see above")


def ask(port: int, bodies: list[bytes], first: int, until: float, load: Load) -> None:
    """One client: one review a request, over one connection, until the time is over."""
    connection = http.client.HTTPConnection(HOST, port)
    head = {"Content-Type": "application/json"}
    for body in itertools.islice(itertools.cycle(bodies), first, None):
        begin = time.perf_counter()
        if begin > until:
            break
        try:
            connection.request("POST", "/invocations", body, head)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status != 200 or len(answer["predictions"]) != 1:
                load.errors.append((response.status, answer))
            else:
                load.latencies.append(time.perf_counter() - begin)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            load.errors.append(repr(error))
            connection.close()
            # A server that is gone refuses at once, thousands of times a second.
            time.sleep(0.1)
    connection.close()


def watch(pid: int, until: float, load: Load) -> None:
    """Note the resident memory of the server four times a second."""
    process = psutil.Process(pid)
    while (now := time.perf_counter()) < until and process.is_running():
        load.memory.append((now, process.memory_info().rss))
        time.sleep(0.25)


@click.command()
@click.option("--clients", default=8, show_default=True, help="How many ask at once.")
@click.option("--seconds", default=60.0, show_default=True, help="For how long.")
@click.option("--task", default="imdb", show_default=True, help="Whose champion is asked.")
def main(clients: int, seconds: float, task: str) -> None:
    """Ask the served champion as fast as it answers, with whole reviews."""
    with REVIEWS.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in itertools.islice(file, 0, 25_000, 5)]
    bodies = [json.dumps({"inputs": [text]}).encode() for text in texts]
    port, load = free_port(), Load()
    command = [COMMAND, "serve", "--task", task, "--port", str(port)]
    with subprocess.Popen(command) as server:
        try:
            wait_for(port, server)
            begin = time.perf_counter()
            until = begin + seconds
            threads = [
                threading.Thread(target=ask, args=(port, bodies, 97 * n, until, load))
                for n in range(clients)
            ]
            threads.append(threading.Thread(target=watch, args=(server.pid, until, load)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            server.terminate()
    tell(load, clients, seconds, begin)
    if load.errors:
        raise SystemExit(1)


def tell(load: Load, clients: int, seconds: float, begin: float) -> None:
    """Print the figures as a Markdown table."""
    if not load.latencies:
        raise click.ClickException(f"no answer: {load.errors[:1]}")
    p50, p95, p99 = np.percentile(load.latencies, [50, 95, 99]) * 1000
    memory = [rss / 2**20 for when, rss in load.memory if when > begin + WARM * seconds]
    click.echo(
        "| clients | seconds | requests | errors | requests/s | p50 ms | p95 ms | p99 ms | max ms "
        "| memory, first MiB | last MiB | peak MiB |"
    )
    click.echo("|---|---|---|---|---|---|---|---|---|---|---|---|")
    click.echo(
        f"| {clients} | {seconds:g} | {len(load.latencies):,} | {len(load.errors)} "
        f"| {len(load.latencies) / seconds:.0f} | {p50:.1f} | {p95:.1f} | {p99:.1f} "
        f"| {max(load.latencies) * 1000:.0f} | {memory[0]:.0f} | {memory[-1]:.0f} "
        f"| {max(memory):.0f} |"
    )
    for error in load.errors[:5]:
        click.echo(f"error: {error}", err=True)


if __name__ == "__main__":
    main()
