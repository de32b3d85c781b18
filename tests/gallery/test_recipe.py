"""A recipe goes through JSON and comes back equal; a damaged one is told."""

import json

import numpy as np
import pytest
from gallery_cases import recipe

from reid_lib.core.errors import ParameterError
from reid_lib.gallery.recipe import Recipe
from reid_lib.match.calibrate import Calibration
from reid_lib.openset.probability import CandidateCurves


def test_a_recipe_goes_through_json_and_comes_back_equal():
    curve = Calibration.fit(np.linspace(0, 1, 20), np.arange(20) > 12)
    made = recipe("abc", curves={"": CandidateCurves(first=curve, others=curve)})
    assert Recipe.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert made.frozen_threshold.values == {"d": 0.5}


def test_a_recipe_that_lacks_something_is_told():
    stored = recipe("abc").to_dict()
    del stored["threshold"]
    with pytest.raises(ParameterError, match="threshold: is missing"):
        Recipe.from_dict(stored)
