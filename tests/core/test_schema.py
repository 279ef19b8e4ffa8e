from pathlib import Path

import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema, read_json, write_json


class Point(Schema):
    x: int


@pytest.mark.parametrize("content", [None, "", "{", '{"x": "1"}', '{"x": 1, "y": 2}', '{"x": 1.5}'])
def test_a_missing_or_damaged_file_is_an_error_with_a_remedy(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "point.json"
    write_json(file, Point(x=3))
    assert read_json(file, Point) == Point(x=3)
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(DataError, match="missing or damaged; run dvc repro"):
        read_json(file, Point)
