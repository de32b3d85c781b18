"""A pattern of paths: what it takes, and what is refused."""

import pytest

from reid_lib.core.errors import CatalogueError
from reid_lib.data.readers.pattern import match_paths


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{identity}/{encounter}_*", "Anna/2021_05_001.jpg", {"identity": "Anna", "encounter": "2021_05"}),
        ("{identity}/{encounter}/*", "Anna/river/1.jpg", {"identity": "Anna", "encounter": "river"}),
        ("{identity}/{encounter}/*", "Anna/1.jpg", None),
        ("{identity}/{encounter}/**", "Anna/river/x/y/1.jpg", {"identity": "Anna", "encounter": "river"}),
        ("**/{encounter}/*", "a/b/river/1.jpg", {"encounter": "river"}),
        ("**/{encounter}/*", "river/1.jpg", {"encounter": "river"}),
        ("{encounter}-?.jpg", "a.b-1.jpg", {"encounter": "a.b"}),
        ("{encounter}-?.jpg", "a.b-12.jpg", None),
        ("{encounter}(*).jpg", "a (2).jpg", {"encounter": "a"}),
        ("{encounter}_*.JPG", "a_1.jpg", None),
        (
            "{identity}/{date}/{encounter}_*",
            "ü ß/1.5.24/x_1.jpg",
            {"identity": "ü ß", "date": "1.5.24", "encounter": "x"},
        ),
    ],
)
def test_what_a_pattern_takes(pattern, path, expected):
    if expected is None:
        with pytest.raises(CatalogueError, match="fits none of the 1 photographs"):
            match_paths(pattern, [path])
    else:
        values, note = match_paths(pattern, [path])
        assert values == [expected] and "fits 1 of 1 photographs" in note


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{identity}/*", r"names no \{encounter\}"),
        ("{identity}/{encouter}_*", "did you mean 'encounter'"),
        ("{encounter}{date}", "between two fields something has to stand"),
        ("{encounter}_{encounter}", "stands twice"),
        ("{encounter_*", "a brace without its other one"),
        ("*", r"names no \{encounter\}"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused_with_the_cure(pattern, message):
    with pytest.raises(CatalogueError, match=message):
        match_paths(pattern, ["a/b.jpg"])


def test_of_many_strays_the_first_are_named():
    note = match_paths("{encounter}/*", ["a/1", *(f"{i}.jpg" for i in range(9))])[1]
    assert "fits 1 of 10 photographs, and not 0.jpg, 1.jpg, 2.jpg and 6 more" in note
