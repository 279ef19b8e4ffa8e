"""Trains tasks on the workers of a Dask scheduler.

A worker needs the environment and nothing else. It gets source code and prepared data from the
head, once, and returns bytes; only the head runs DVC and MLflow.
"""

from __future__ import annotations

import io
import ipaddress
import itertools
import logging
import queue
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rnnbench.core.errors import ClusterError, DataError
from rnnbench.core.files import new_file
from rnnbench.core.root import PARAMS
from rnnbench.core.workspace import Workspace
from rnnbench.engine.local import MAX_DEATHS, SOURCE
from rnnbench.engine.tasks import CHANGED, Outcome, Task, read_outcome

NAME = "rnnbench"
_SECONDS_TO_CONNECT = 30
_SECONDS_BETWEEN_COUNTS = 5.0
# Dask gives up on a task after the deaths of four workers, whatever they died of.
_MAX_KILLED = 5
# The scheduler gets no more at once, unless it has workers for more.
_WINDOW = 1000


class ClusterEngine:
    """A context in which the workers of a scheduler train.

    root: the project. results: the folder for results and models. tasks: those that will be run.
    report: prints a line. Raises ClusterError if there is no such scheduler, or if it is lost.
    """

    def __init__(
        self,
        root: Path,
        results: Path,
        tasks: Sequence[Task],
        address: str,
        report: Callable[[str], None],
    ) -> None:
        self._results, self._address, self._report = results, address, report
        self._bundle = bundle(root, tasks)
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._futures: dict[Any, Task] = {}
        self._numbers = itertools.count()
        self._killed: Counter[str] = Counter()
        self._deaths: Counter[str] = Counter()
        self._refused: set[str] = set()
        self._counted, self._threads = 0.0, dict[str, int]()

    def __enter__(self) -> ClusterEngine:
        try:
            from distributed import Client
        except ImportError as error:
            raise ClusterError(
                "Dask is not installed here; make cluster-env installs it"
            ) from error
        # It prints tracebacks of what is reported here in a line.
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if not self._address.startswith("tls://") and not _is_loopback(self._address):
            self._report(
                f"warning: {self._address} is not encrypted, and whoever reaches it can run code "
                "on every worker; use tls:// (docs/cluster.md)"
            )
        try:
            self._client = Client(
                self._address, timeout=_SECONDS_TO_CONNECT, set_as_default=False, name=NAME
            )
        # Of the network, of OpenSSL, of Dask.
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ClusterError(f"no Dask scheduler at {self._address}: {reason}") from error
        # Their classes are sent as code, not by the name of a module that workers lack.
        self._remote = _by_value(Path(__file__).with_name("remote.py"))
        # Another command can remove them too.
        with suppress(Exception):
            for name in self._client.run_on_scheduler(self._remote["abandoned"], prefix=NAME):
                self._client.unregister_worker_plugin(name)
        # Not of the bundle, which two commands can share.
        self._name = self._client.id
        try:
            self._client.register_plugin(self._remote["Trainer"](self._name, self._bundle))
        # Of a worker that does not answer; the scheduler has it, for the others.
        except Exception as error:
            self._report(f"warning: not every worker got the bundle: {error}")
        # A scheduler can have none.
        with self._connected(), suppress(KeyError):
            self._report(f"dashboard: {self._client.dashboard_link}")
        self._report(f"bundle of {len(self._bundle) / 2**20:.0f} MiB sent to {self.remark[3:]}")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._client.status == "running":
                self._client.cancel(list(self._futures), force=True)
                self._client.unregister_worker_plugin(self._name)
            self._client.close(timeout=10)
        # What was trained is kept already; the workers end their processes by themselves.
        except Exception as error:
            self._report(f"warning: the cluster was not left properly: {error}")

    @property
    def remark(self) -> str:
        """How many workers there are."""
        count = len(self._workers())
        return f"on {count} worker{'s' if count != 1 else ''}" + ("" if count else ": waiting")

    @property
    def slots(self) -> int:
        """How many tasks run at once."""
        return sum(self._workers().values())

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome] | None]:
        """Each task with its outcome, in any order; None about once a second."""
        waiting, left = iter(tasks), len(tasks)
        while left:
            window = max(_WINDOW, 2 * self.slots)
            if len(self._futures) <= window // 2:
                self._submit(list(itertools.islice(waiting, window - len(self._futures))))
            try:
                future = self._done.get(timeout=1)
            except queue.Empty:
                self._expect_scheduler()
                yield None
                continue
            task = self._futures.pop(future)
            if (outcome := self._outcome(task, future)) is None:
                self._submit([task])
            else:
                left -= 1
                yield task, outcome

    def _submit(self, tasks: list[Task]) -> None:
        if not tasks:
            return
        # With tuples as keys, they are one group, which the scheduler hands out task by task. A new
        # key each time: it blames a key for the deaths of its workers.
        keys = [(self._name, next(self._numbers)) for _ in tasks]
        with self._connected():
            futures = self._client.map(
                self._remote["train"],
                [self._name] * len(tasks),
                [task.model_dump_json() for task in tasks],
                [_files(task) for task in tasks],
                key=keys,
                pure=False,
            )
        for future, task in zip(futures, tasks, strict=True):
            self._futures[future] = task
            future.add_done_callback(self._done.put)

    def _outcome(self, task: Task, future: Any) -> Outcome | None:
        """What became of a task; None if it has to be run again."""
        if future.status == "cancelled":
            raise self._lost()
        try:
            reply = future.result()
        except Exception as error:
            return self._after_error(task, error)
        if reply.get("stopped"):
            return None
        if "died" in reply:
            self._deaths[task.key] += 1
            reason = f"{reply['died']}, {MAX_DEATHS} times"
            return None if self._deaths[task.key] < MAX_DEATHS else Outcome(error=reason)
        outcome = read_outcome(reply["outcome"])
        if outcome.error is None:
            for name, content in reply["files"].items():
                with new_file(self._results / name) as partial:
                    partial.write_bytes(content)
        return outcome

    def _after_error(self, task: Task, error: Exception) -> Outcome | None:
        from distributed import KilledWorker

        if error.args[:1] == (self._remote["REFUSED"],):
            worker, reason = error.args[1:]
            # A worker has both from here.
            if reason.startswith(CHANGED):
                raise ClusterError(f"{reason}: they changed after the start; run it again")
            self._refuse(worker, reason)
            return None
        self._expect_scheduler()
        killed = isinstance(error, KilledWorker)
        counts, most = (self._killed, _MAX_KILLED) if killed else (self._deaths, MAX_DEATHS)
        counts[task.key] += 1
        if counts[task.key] < most:
            return None
        reason = f"{type(error).__name__}: {error}"
        return Outcome(error="every worker that trained it was killed" if killed else reason)

    def _refuse(self, worker: str, reason: str) -> None:
        """Send a worker away that cannot make the same bytes."""
        if worker not in self._refused:
            self._refused.add(worker)
            self._report(f"refused worker {worker}: {reason}")
        with self._connected():
            self._client.retire_workers([worker])

    def _expect_scheduler(self) -> None:
        if self._client.status != "running":
            raise self._lost()

    def _lost(self) -> ClusterError:
        return ClusterError(
            f"lost the Dask scheduler at {self._address}; what has been trained is kept: "
            "run the same command again"
        )

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Any error of the client is one of its connection."""
        try:
            yield
        except Exception as error:
            raise self._lost() from error

    def _workers(self) -> dict[str, int]:
        """The threads of each worker."""
        if time.monotonic() - self._counted > _SECONDS_BETWEEN_COUNTS:
            with self._connected():
                self._threads = self._client.nthreads()
            self._counted = time.monotonic()
        return self._threads


def bundle(root: Path, tasks: Sequence[Task]) -> bytes:
    """A tar archive of all that tasks need; the same bytes for the same contents.

    Raises DataError if a prepared dataset is missing.
    """
    workspace = Workspace(root)
    datasets = sorted({task.settings["dataset"] for task in tasks})
    folders = [workspace.prepared(name) for name in datasets]
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise DataError(f"{missing[0]}: missing; run dvc repro preprocess")
    files = {Path("src") / path.relative_to(SOURCE): path for path in _sources()}
    for folder in folders:
        files |= {path.relative_to(root): path for path in folder.rglob("*") if path.is_file()}
    for task in tasks:
        files |= {Path(name): root / name for name in task.code}
    # Marks the root of the project, where own layers are looked for.
    files[Path(PARAMS)] = root / PARAMS
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for name, path in sorted(files.items()):
            content = path.read_bytes()
            entry = tarfile.TarInfo(name.as_posix())
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return output.getvalue()


def _sources() -> list[Path]:
    return sorted((SOURCE / "rnnbench").rglob("*.py"))


def _files(task: Task) -> list[str]:
    """The files of a task's result, relative to the folder of results."""
    if task.scores:
        return []
    return [f"{task.variant}/replicate_{task.number}.{suffix}" for suffix in ("model", "result")]


def _by_value(path: Path) -> dict[str, Any]:
    """What a module defines, so that cloudpickle sends its code and not its name."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)  # noqa: S102
    return names


def _is_loopback(address: str) -> bool:
    host = urlsplit(address if "://" in address else f"tcp://{address}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
