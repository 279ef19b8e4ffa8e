"""The libraries inside the page are those of the registry."""

from pathlib import Path

from rnnbench.report.publication import vendor


def test_the_shipped_files_are_those_of_the_pinned_packages() -> None:
    folder = Path(vendor.__file__).parent / "assets" / "vendor"
    shipped = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert shipped == vendor.vendored()


def test_no_file_ends_the_element_that_holds_it() -> None:
    assets = Path(vendor.__file__).parent / "assets"
    for path in assets.rglob("*.*s"):
        text = path.read_text(encoding="utf-8").lower()
        assert "</script" not in text
        assert "</style" not in text
