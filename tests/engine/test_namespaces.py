"""Hosts in network namespaces of their own, which see neither the project nor its package."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.helpers import (
    BIN,
    COUNTS,
    Cluster,
    finish,
    kill,
    log,
    run_study,
    start_study,
    tables,
    trained,
    wait_for,
)

BRIDGE, NETWORK = "rnnbench0", "10.213.77"
HOSTS = 3
ROOT = Path(__file__).parents[2]
# As soon as the system allows it: a host that does not answer is given up.
TIMEOUTS = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "15s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "11s",
}
# The project, the package, and what is temporary: an empty file system lies over each.
HIDE = """
set -e
for folder in $HIDDEN; do mount -t tmpfs none "$folder"; done
mkdir -p "$HOME"
cd "$HOME"
exec "$@"
"""


def _ip(*arguments: str, check: bool = True) -> bool:
    done = subprocess.run(["ip", *arguments], capture_output=True, check=check)
    return done.returncode == 0


def _name(number: int) -> str:
    return f"rnnbench-host{number}"


def _remove() -> None:
    for number in range(HOSTS):
        _ip("netns", "del", _name(number), check=False)
    _ip("link", "del", BRIDGE, check=False)


@pytest.fixture
def bridge() -> Iterator[str]:
    """The address of a bridge to `HOSTS` network namespaces."""
    if os.geteuid() or not _ip("link", "add", BRIDGE, "type", "bridge", check=False):
        pytest.skip("needs root and network namespaces")
    try:
        _ip("addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number in range(HOSTS):
            name, outer, inner = _name(number), f"rnnbench-o{number}", f"rnnbench-i{number}"
            if not _ip("netns", "add", name, check=False):
                pytest.skip("needs network namespaces")
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            _ip("link", "set", inner, "netns", name)
            _ip("link", "set", outer, "master", BRIDGE, "up")
            inside = ("-n", name)
            _ip(*inside, "addr", "add", f"{NETWORK}.{10 + number}/24", "dev", inner)
            _ip(*inside, "link", "set", inner, "up")
            _ip(*inside, "link", "set", "lo", "up")
        yield f"{NETWORK}.1"
    finally:
        _remove()


@pytest.fixture
def cluster(bridge: str, tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path / "cluster", host=bridge, **TIMEOUTS)
    yield found
    found.stop()


def test_hosts_without_a_shared_disk_make_the_same_bytes_although_two_are_lost(
    project: Path, undisturbed: Path, cluster: Cluster, tmp_path: Path
) -> None:
    packages = {ROOT / "src", BIN.parents[1] / "src"}
    hidden = [str(tmp_path), *(str(path) for path in packages if path.exists())]
    prefixes = [
        ("ip", "netns", "exec", _name(number), "unshare", "-m", "bash", "-c", HIDE, "hide")
        for number in range(HOSTS)
    ]
    variables = TIMEOUTS | {"HIDDEN": " ".join(hidden)}
    for prefix in prefixes:
        seen = subprocess.run(
            [*prefix, "ls", *hidden],
            env=os.environ | variables | {"HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "params.yaml" not in seen
        assert "rnnbench" not in seen
    workers = [cluster.start_worker(*prefix, **variables) for prefix in prefixes]
    head = start_study(project, "--cluster", cluster.address, **TIMEOUTS)
    wait_for(lambda: trained(project), log(project))
    kill(workers[0])
    _ip("link", "set", "rnnbench-o1", "down")
    printed = finish(project, head)
    assert "is not encrypted" in printed
    assert "failed" not in printed
    assert tables(project) == tables(undisturbed)
    # The host that was cut off has ended its worker. It comes back, and is the only one.
    wait_for(lambda: workers[1].poll() is not None)
    kill(workers[2])
    _ip("link", "set", "rnnbench-o1", "up")
    cluster.start_worker(*prefixes[1], **variables)
    run_study(project, "--cluster", cluster.address, name="pair", **TIMEOUTS)
    assert len(trained(project, "pair")) == COUNTS["pair"]
