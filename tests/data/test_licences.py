"""Which licence photographs have, as far as it is known."""

import pytest

from reid_lib.core.errors import CatalogueError
from reid_lib.data.licences import describe_licence


def test_what_is_known_is_told_and_what_is_not_is_said_to_be_unknown():
    assert "Apache-2.0" in describe_licence("demo:small")
    assert "animal-clef-2025" in describe_licence("animalclef2025")
    assert describe_licence("folder") == describe_licence("csv") == "not stated: whoever owns the photographs decides"


def test_a_class_of_wildlife_datasets_tells_its_own():
    pytest.importorskip("wildlife_datasets")
    assert describe_licence("wildlife:NyalaData").startswith("NyalaData: none is stated (https://github.com/")
    assert "cdla.dev/permissive-1-0" in describe_licence("wildlife:BelugaID")
    assert describe_licence("wildlife:SeaTurtleID2022").startswith("SeaTurtleID2022: of its own (https://")
    with pytest.raises(CatalogueError, match="has no class"):
        describe_licence("wildlife:Nobody")
