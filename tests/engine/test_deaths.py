"""Processes of a cluster killed one after the other: only what was under way is trained again."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from tests.engine.helpers import (
    COUNTS,
    Cluster,
    finish,
    kill,
    log,
    run_study,
    start_study,
    tables,
    trained,
    training_processes,
    wait_for,
)

SIX = ("training", "worker", "nanny", "scheduler", "head", "training")
# In an order in which each of them meets all of the others.
TWENTY = (*SIX, "nanny", "training", "scheduler", "worker", "head", "worker", "training", "nanny")
TWENTY += ("head", "scheduler", "worker", "training", "nanny", "worker")


@pytest.fixture(scope="module")
def many(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    project = tmp_path_factory.mktemp("many") / "project"
    shutil.copytree(prepared, project)
    run_study(project, "--jobs", "2", name="many")
    return tables(project, "many")


class Disturbed:
    """A study on two workers, with something killed after each further training."""

    def __init__(self, project: Path, study: str, cluster: Cluster) -> None:
        self.project, self.study, self.cluster = project, study, cluster
        self.workers = [cluster.start_worker() for _ in range(2)]
        self.head = self._start()
        self._lines: list[str] = []

    def run(self, deaths: Iterable[str]) -> str:
        """What the last command prints, which succeeds."""
        for victim in deaths:
            wait_for(lambda: len(trained(self.project, self.study)) > len(self._lines), self._log)
            self._expect_nothing_lost()
            getattr(self, f"kill_{victim}")()
        printed = finish(self.project, self.head, name=self.study)
        self._expect_nothing_lost()
        return printed

    def kill_training(self) -> None:
        """Kill a training process, as the kernel does if memory is short."""
        wait_for(self._processes, self._log)
        max(self._processes(), key=lambda process: process.create_time()).kill()

    def kill_worker(self) -> None:
        """Kill a worker, which its nanny starts again."""
        children: list[psutil.Process] = []
        while not children:
            wait_for(self._nannies, self._log)
            children = [
                c for c in self._nannies()[0].children() if "spawn_main" in str(c.cmdline())
            ]
        children[0].kill()

    def kill_nanny(self) -> None:
        """Kill all processes of a host, and start another one."""
        kill(self.workers.pop(0))
        self.workers.append(self.cluster.start_worker())

    def kill_gently(self) -> None:
        """End a host as a batch system does at the end of its time, and start another one."""
        self.workers.pop(0).terminate()
        self.workers.append(self.cluster.start_worker())

    def kill_scheduler(self) -> None:
        """Kill the scheduler: the command fails; start all of them again."""
        kill(self.cluster.scheduler)
        printed = finish(self.project, self.head, 1, self.study)
        assert f"error: lost the Dask scheduler at {self.cluster.address}" in printed
        for worker in self.workers:
            kill(worker)
        self.cluster.start_scheduler()
        self.workers = [self.cluster.start_worker() for _ in range(2)]
        self.head = self._start()

    def kill_head(self) -> None:
        """Kill the command, and start it again."""
        os.killpg(self.head.pid, signal.SIGKILL)
        self.head.wait()
        self.head = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return start_study(self.project, "--cluster", self.cluster.address, name=self.study)

    def _expect_nothing_lost(self) -> None:
        lines = trained(self.project, self.study)
        assert lines[: len(self._lines)] == self._lines
        self._lines = lines

    def _processes(self) -> list[psutil.Process]:
        return training_processes(self.cluster.folder)

    def _nannies(self) -> list[psutil.Process]:
        return [psutil.Process(worker.pid) for worker in self.workers]

    @property
    def _log(self) -> Path:
        return log(self.project, self.study)


def expect_complete(
    project: Path, study: str, cluster: Cluster, expected: dict[str, bytes]
) -> None:
    assert tables(project, study) == expected
    keys = {json.loads(line)["key"] for line in trained(project, study)}
    assert len(trained(project, study)) == len(keys) == COUNTS[study]
    wait_for(lambda: not training_processes(cluster.folder))


def test_six_deaths_lose_nothing_but_what_was_under_way(
    project: Path, undisturbed: Path, cluster: Cluster
) -> None:
    assert "failed" not in Disturbed(project, "cells", cluster).run(SIX)
    expect_complete(project, "cells", cluster, tables(undisturbed))


@pytest.mark.full
def test_twenty_deaths_lose_nothing_but_what_was_under_way(
    project: Path, many: dict[str, bytes], cluster: Cluster
) -> None:
    assert "failed" not in Disturbed(project, "many", cluster).run(TWENTY)
    expect_complete(project, "many", cluster, many)


@pytest.mark.full
def test_no_training_is_blamed_for_the_deaths_of_its_workers(
    project: Path, many: dict[str, bytes], cluster: Cluster
) -> None:
    printed = Disturbed(project, "many", cluster).run(["worker", "nanny", "gently"] * 2)
    assert "failed" not in printed
    assert "40 of 40 trained" in printed
    expect_complete(project, "many", cluster, many)
