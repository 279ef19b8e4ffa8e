"""Studies on the workers of a Dask scheduler, which share nothing with the project."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.helpers import (
    COUNTS,
    Cluster,
    finish,
    log,
    run_study,
    start_study,
    tables,
    trained,
    training_processes,
    wait_for,
)
from tests.pipeline import helpers

# What is wrong with a worker, and what is said about it; see bad_host.py.
FAULTS = {
    "version": "the versions or settings differ: keras 0.0 instead of ",
    "library": "no training process starts there, see its log: its process ended with status 1",
    "cpu": "its CPU lacks avx2",
    "disk": "it could not unpack the bundle: [Errno 28] No space left on device",
}


def test_workers_that_join_late_make_the_same_bytes_as_local_processes(
    project: Path, undisturbed: Path, cluster: Cluster, gate: Path
) -> None:
    head = start_study(project, "--cluster", cluster.address)
    wait_for(lambda: "bundle of" in log(project).read_text(), log(project))
    assert "0 workers: waiting" in log(project).read_text()
    cluster.start_worker()
    wait_for(lambda: trained(project), log(project))
    cluster.start_worker(GATE=str(gate))
    wait_for(lambda: list(gate.glob("*.here")), log(project))
    printed = finish(project, head)
    assert "warning" not in printed
    assert tables(project) == tables(undisturbed)
    wait_for(lambda: not training_processes(cluster.folder))
    # The workers are as they were before.
    assert not list(cluster.folder.glob("*/dask-scratch-space/*/rnnbench-*"))


def test_workers_that_cannot_make_the_same_bytes_are_refused(
    project: Path, undisturbed: Path, cluster: Cluster
) -> None:
    site = project.parent / "site"
    site.mkdir()
    shutil.copy(Path(__file__).with_name("bad_host.py"), site / "sitecustomize.py")
    head = start_study(project, "--cluster", cluster.address)
    bad = [cluster.start_worker(FAULT=fault, PYTHONPATH=str(site)) for fault in FAULTS]
    printed = log(project).read_text
    wait_for(lambda: printed().count("refused worker") == len(FAULTS), log(project))
    for reason in FAULTS.values():
        assert reason in printed()
    # They are not started again.
    for worker in bad:
        wait_for(lambda worker=worker: worker.poll() is not None)
    assert not trained(project)
    cluster.start_worker()
    assert "failed" not in finish(project, head)
    assert tables(project) == tables(undisturbed)


def test_two_studies_at_once_share_the_workers(
    project: Path, undisturbed: Path, cluster: Cluster
) -> None:
    for _ in range(2):
        cluster.start_worker()
    options = ("--cluster", cluster.address)
    heads = {name: start_study(project, *options, name=name) for name in ("cells", "pair")}
    for name, head in heads.items():
        assert "refused" not in finish(project, head, name=name)
        assert len(trained(project, name)) == COUNTS[name]
    assert tables(project) == tables(undisturbed)


def test_an_interrupted_command_ends_its_trainings_on_the_workers(
    project: Path, cluster: Cluster, gate: Path
) -> None:
    closed = gate / "2.closed"
    closed.touch()
    cluster.start_worker(GATE=str(gate))
    head = start_study(project, "--cluster", cluster.address, name="pair")
    wait_for(lambda: list(gate.glob("*.here")), log(project, "pair"))
    head.send_signal(signal.SIGINT)
    finish(project, head, 1, "pair")
    wait_for(lambda: not training_processes(cluster.folder))
    closed.unlink()
    assert "4 of 4 trained" in run_study(project, "--cluster", cluster.address, name="pair")


def test_a_missing_scheduler_is_an_error_in_a_line(project: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(project, tmp_path / "other"))
    heads = {
        project: start_study(project, "--cluster", "tcp://127.0.0.1:1"),
        other: start_study(other, "--cluster", f"{_own_address()}:1"),
    }
    printed = {folder: finish(folder, head, 1) for folder, head in heads.items()}
    for text in printed.values():
        assert "error: no Dask scheduler at " in text
        assert text.splitlines()[-1].startswith("error: ")
    # Others can reach such an address.
    assert "is not encrypted" in printed[other]
    assert "is not encrypted" not in printed[project]


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        try:
            # Nothing is sent.
            found.connect(("192.0.2.1", 1))
        except OSError:
            pytest.skip("this machine has no address")
        return str(found.getsockname()[0])


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that has signed itself, with its key."""
    file = tmp_path / "me.pem"
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    files = ["-subj", "/CN=rnnbench", "-keyout", str(file), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*new, *files], check=True, capture_output=True)
    file.write_text(file.read_text() + (tmp_path / "cert.pem").read_text())
    return file


@pytest.fixture
def encrypted(tmp_path: Path, certificate: Path) -> Iterator[Cluster]:
    files = (f"--tls-{name}={certificate}" for name in ("ca-file", "cert", "key"))
    cluster = Cluster(tmp_path / "cluster", tls=tuple(files))
    yield cluster
    cluster.stop()


def test_an_encrypted_cluster_serves_only_those_with_a_certificate(
    project: Path, encrypted: Cluster, certificate: Path
) -> None:
    encrypted.start_worker()
    without = run_study(project, "--cluster", encrypted.address, name="pair", status=1)
    assert "error: no Dask scheduler at tls://" in without
    assert "TLS" in without
    names = ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY")
    variables = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(certificate) for name in names}
    printed = run_study(project, "--cluster", encrypted.address, name="pair", **variables)
    assert "4 of 4 trained" in printed
    assert "warning" not in printed


def test_dvc_takes_what_a_cluster_has_trained(cluster: Cluster, tmp_path: Path) -> None:
    variants = ("product_simple_rnn",)
    plain = helpers.make_project(tmp_path / "plain" / "project", tmp_path, *variants)
    project = helpers.make_project(tmp_path / "project", tmp_path, *variants)
    for _ in range(2):
        cluster.start_worker()
    helpers.run(plain, "dvc", "repro")
    helpers.run(project, "dvc", "repro", "preprocess")
    helpers.run(project, "rnnbench", "train-all", "--cluster", cluster.address)
    printed = helpers.run(project, "dvc", "repro")
    assert printed.count("already trained") == len(variants) * helpers.REPLICATES
    assert helpers.outputs(project) == helpers.outputs(plain)
    assert "up to date" in helpers.run(project, "dvc", "status")
    assert "nothing to train" in helpers.run(project, "rnnbench", "train-all")
