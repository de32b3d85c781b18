"""The projection against published points, and against distances on the ellipsoid."""

import numpy as np
import pytest

from reid_lib.exports.utm import FLATTENING, SCALE, SEMI_MAJOR_M, to_utm


def test_a_published_point():
    """The CN Tower, 43°38'33.24"N 79°23'13.7"W, is at 17N 630084 4833438 (Wikipedia's page on UTM)."""
    x, y, zone = to_utm(np.array([43 + 38 / 60 + 33.24 / 3600]), np.array([-(79 + 23 / 60 + 13.7 / 3600)]))
    assert zone == "17N" and x[0] == pytest.approx(630084, abs=1) and y[0] == pytest.approx(4833438, abs=1)


def test_along_the_meridian_it_is_the_length_of_the_arc():
    """Integrated numerically on the ellipsoid, times the scale of the zone."""
    e2 = FLATTENING * (2 - FLATTENING)
    at = np.radians(np.linspace(0, 60, 200_001))
    arc = np.trapezoid(SEMI_MAJOR_M * (1 - e2) / (1 - e2 * np.sin(at) ** 2) ** 1.5, at)
    x, y, _ = to_utm(np.array([60.0]), np.array([9.0]))
    assert x[0] == pytest.approx(500_000, abs=1e-6) and y[0] == pytest.approx(SCALE * arc, abs=1e-3)


def test_the_equator_and_the_south():
    x, y, zone = to_utm(np.array([0.0, 0.0]), np.array([9.0, 12.0]))
    assert zone == "32N" and y == pytest.approx([0, 0], abs=1e-6) and x[1] == pytest.approx(833_978.557, abs=0.01)
    assert (
        to_utm(np.array([-33.9]), np.array([18.4]))[2] == "34S" and to_utm(np.array([-33.9]), np.array([18.4]))[1] > 6e6
    )


def test_across_the_date_line_places_stay_neighbours():
    x, _, zone = to_utm(np.array([-17.0, -17.0]), np.array([179.99, -179.99]))
    assert zone in ("1S", "60S") and abs(x[1] - x[0]) == pytest.approx(2_130, rel=0.01)
