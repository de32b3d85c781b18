"""What the command offers is what there is."""

import json
from pathlib import Path

from reid_lib.exports import formats
from reid_lib.exports.offered import FORMATS, SAMPLING


def test_every_format_offered_has_a_writer():
    assert set(FORMATS) == set(formats._WRITERS) and all(FORMATS.values())


def test_sampling_designs_are_those_of_the_published_profile():
    profile = json.loads((Path(__file__).parent / "camtrap-dp-1.0.2/camtrap-dp-profile.json").read_text())
    project = profile["allOf"][1]["properties"]["project"]["properties"]
    assert list(SAMPLING) == project["samplingDesign"]["enum"]
