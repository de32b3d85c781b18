"""The columns are those of the published table schemas."""

import json
from pathlib import Path

import pytest

from reid_lib.exports.camtrap_columns import COLUMNS


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_those_published_in_their_order(name):
    schema = Path(__file__).parent / "camtrap-dp-1.0.2" / f"{name}-table-schema.json"
    assert list(COLUMNS[name]) == [field["name"] for field in json.loads(schema.read_text())["fields"]]
