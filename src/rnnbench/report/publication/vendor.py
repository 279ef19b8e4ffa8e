"""The libraries inside the page, from their pinned npm packages: `make vendor` fetches them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from rnnbench.corpora.fetch import Package, npm_members

# Package -> what is taken of it: scripts and style sheets, and the licence.
LIBRARIES = {
    Package(
        "d3@7.9.2",
        "sha512-ZKb/mONPVKzaO5UlcWcwN8bS4ezvQaYu+bsou+XgNABdGC800kwH651ADTbbTxMPHW13UlvbQafdmJQDk1w7Mg==",
    ): ("dist/d3.min.js", "LICENSE"),
    Package(
        "@observablehq/plot@0.6.17",
        "sha512-/qaXP/7mc4MUS0s4cPPFASDRjtsWp85/TbfsciqDgU1HwYixbSbbytNuInD8AcTYC3xaxACgVX06agdfQy9W+g==",
    ): ("dist/plot.umd.min.js", "LICENSE"),
    Package(
        "datatables.net@3.1.2",
        "sha512-6PnhPw9lrPASP2n1t13zW595aKB41j3Qt6iykFVV6aohGtSF3CTjwQ+RsdlrGUQTj/Ji0or8+9Q7mMpf4YY1cQ==",
    ): ("js/dataTables.min.js", "License.txt"),
    Package(
        "datatables.net-rowgroup@2.0.0",
        "sha512-AwBjd7wzqjBBXVM0hE4N9JOU9x6Tq8Lq3mSsuTlb5om1xoJP3v5gM1jKgX51NHkY7NFDDo29hpC15Kjc+Om/IA==",
    ): ("js/dataTables.rowGroup.min.js", "License.txt"),
    Package(
        "datatables.net-dt@3.1.2",
        "sha512-2nxvoJCXjOdXMQO4QkwH1MUnYusC2BkilVMVpi1L7kGQG4OVu4NgPuW20RfXmxfdgSNCUI6R42Yk0v8ohFoe5A==",
    ): ("css/dataTables.dataTables.min.css", "License.txt"),
}


def vendored() -> dict[str, bytes]:
    """The files of assets/vendor by name, from the registry.

    Raises DownloadError if a package cannot be fetched or has another digest.
    """
    found: dict[str, bytes] = {}
    for package, members in LIBRARIES.items():
        contents = npm_members(package, [f"package/{member}" for member in members])
        for member, content in contents.items():
            name = PurePosixPath(member).name
            if name.lower().startswith("license"):
                name = f"LICENSE-{package.spec.strip('@').replace('/', '-')}.txt"
            found[name] = content
    return found


if __name__ == "__main__":
    for name, content in vendored().items():
        (Path(__file__).parent / "assets" / "vendor" / name).write_bytes(content)
