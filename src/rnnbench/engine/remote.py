"""What runs in a worker process of Dask: it unpacks the bundle, and feeds training processes.

The head sends this source, so that a worker needs the environment and nothing of ours. Therefore
only the standard library and distributed are imported here.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import sys
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker

# A head that was killed sends no more tasks, and its processes occupy memory.
SECONDS_IDLE = 120.0
REFUSED = "refused"


class Trainer(WorkerPlugin):  # type: ignore[misc]
    """Trains on one worker, with a process for each of its threads.

    name: identifies the bundle. bundle: a tar archive of `src`, the prepared data, and the files of
    own layers.
    """

    def __init__(self, name: str, bundle: bytes) -> None:
        self.name, self._bundle = name, bundle
        self._fault = ""

    def setup(self, worker: Any) -> None:
        """Unpack the bundle; Dask calls it on each worker, also on late ones."""
        self._all: set[Any] = set()
        self._idle: list[tuple[float, Any]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        try:
            self._unpack(worker)
        # Such as a full disk: an error here would be one of all workers.
        except Exception as error:
            self._fault = f"it could not unpack the bundle: {error}"
        threading.Thread(target=self._end_idle, daemon=True).start()

    def _unpack(self, worker: Any) -> None:
        self._root = Path(worker.local_directory).absolute() / self.name
        self._root.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(self._bundle)) as archive:
            # Python 3.11.3 and older have no filters.
            filters: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(self._root, **filters)  # noqa: S202
        # The scheduler has it for other workers.
        self._bundle = b""
        self._module = _module(self._root / "src" / "rnnbench" / "engine" / "process.py")

    def teardown(self, worker: Any) -> None:  # noqa: ARG002
        """End all processes, and remove the bundle.

        Dask calls it when the head is done, or the worker closes.
        """
        self._stopped.set()
        with self._lock:
            processes = list(self._all)
        for process in processes:
            process.kill()
        shutil.rmtree(self._root, ignore_errors=True)

    def run(self, task: str, files: list[str]) -> dict[str, Any]:
        """The outcome of a task, with the contents of files that it leaves.

        files: relative to the folder of results; those that do not exist are left out.
        """
        if self._fault:
            return {REFUSED: self._fault}
        with self._lock:
            process = self._idle.pop()[1] if self._idle else self._new()
        try:
            line = process.run(task)
        except self._module.NotStarted as error:
            return {REFUSED: f"no training process starts there, see its log: {error}"}
        except self._module.Died as error:
            # The worker is closing, which the task is not to blame for.
            return {"stopped": True} if self._stopped.is_set() else {"died": str(error)}
        finally:
            with self._lock:
                self._idle.append((time.monotonic(), process))
        outcome = json.loads(line)
        if outcome["refused"]:
            return {REFUSED: outcome["error"]}
        found = {}
        for name in files:
            path = self._results / name
            if path.is_file():
                found[name] = path.read_bytes()
                path.unlink()
        return {"outcome": line, "files": found}

    @property
    def _results(self) -> Path:
        return self._root / "results"

    def _new(self) -> Any:
        process = self._module.TrainingProcess(
            self._root, self._root / "src", self._results, dict(os.environ)
        )
        self._all.add(process)
        if self._stopped.is_set():
            process.kill()
        return process

    def _end_idle(self) -> None:
        while not self._stopped.wait(SECONDS_IDLE / 10):
            with self._lock:
                old = [p for since, p in self._idle if time.monotonic() - since > SECONDS_IDLE]
                self._idle = [pair for pair in self._idle if pair[1] not in old]
                self._all -= set(old)
            for process in old:
                process.kill()


def train(name: str, task: str, files: list[str]) -> dict[str, Any]:
    """Run a task on the worker that Dask has chosen.

    Returns what `Trainer.run` returns. Raises RuntimeError with `REFUSED`, the address of the
    worker, and why it cannot train: it cannot be retired while it has the only copy of a result.
    """
    worker = get_worker()
    plugin = worker.plugins.get(name)
    try:
        reply = plugin.run(task, files) if plugin else {REFUSED: "it has not got the bundle"}
    # Of the operating system: what a training raises is part of its outcome.
    except Exception as error:
        reply = {REFUSED: f"{type(error).__name__}: {error}"}
    if REFUSED in reply:
        raise RuntimeError(REFUSED, worker.address, reply[REFUSED])
    return dict(reply)


def abandoned(dask_scheduler: Any, prefix: str) -> list[str]:
    """The plugins of heads that were killed; runs on the scheduler.

    prefix: the name of the clients of heads. A plugin has the id of its client.
    """
    plugins, clients = dask_scheduler.worker_plugins, dask_scheduler.clients
    return [n for n in plugins if n.startswith(f"Client-{prefix}-") and n not in clients]


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("rnnbench_process", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
