"""Degrees become metres on a plane, by UTM: the transverse Mercator projection on the ellipsoid WGS 84."""

import numpy as np

SEMI_MAJOR_M, FLATTENING = 6378137.0, 1 / 298.257223563
SCALE, EASTING_M, NORTHING_M = 0.9996, 500_000.0, 10_000_000.0  # the northing is added south of the equator only


def to_utm(latitude: np.ndarray, longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Eastings (n,) and northings (n,) in metres, all in the zone of the mean longitude, and that zone ("17N").

    Krüger's series to the third power of the third flattening: exact to a millimetre within 1,000 km of the zone's
    meridian (Karney, "Transverse Mercator with an accuracy of a few nanometers", J. Geodesy 85, 2011, eq. 7-11).

    Args:
        latitude: (n,) degrees, north positive, from -84 to 84.
        longitude: (n,) degrees, east positive.
    """
    middle = np.angle(np.exp(1j * np.radians(longitude)).mean(), deg=True)  # right across the date line, too
    zone = int((middle + 180) // 6) % 60 + 1
    south = float(np.mean(latitude)) < 0
    phi, lam = np.radians(latitude), np.radians((np.asarray(longitude) - (zone * 6 - 183) + 180) % 360 - 180)
    n = FLATTENING / (2 - FLATTENING)
    radius = SEMI_MAJOR_M / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    alpha = (n / 2 - 2 * n**2 / 3 + 5 * n**3 / 16, 13 * n**2 / 48 - 3 * n**3 / 5, 61 * n**3 / 240)
    e = 2 * np.sqrt(n) / (1 + n)
    t = np.sinh(np.arctanh(np.sin(phi)) - e * np.arctanh(e * np.sin(phi)))
    xi, eta = np.arctan2(t, np.cos(lam)), np.arcsinh(np.sin(lam) / np.hypot(t, np.cos(lam)))
    y = xi + sum(a * np.sin(2 * j * xi) * np.cosh(2 * j * eta) for j, a in enumerate(alpha, 1))
    x = eta + sum(a * np.cos(2 * j * xi) * np.sinh(2 * j * eta) for j, a in enumerate(alpha, 1))
    northing = SCALE * radius * y + (NORTHING_M if south else 0.0)
    return EASTING_M + SCALE * radius * x, northing, f"{zone}{'S' if south else 'N'}"
