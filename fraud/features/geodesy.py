"""Great-circle distances whose bits are the same on every machine, for a number and for an array alike.

The sines of C libraries and of vectorised numpy differ in the last bit from machine to machine, which would be a
difference between training and serving. Here is only what IEEE 754 rounds exactly: + - * / and the square root.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

EARTH_RADIUS_KM = 6371.0088
_RADIANS = pi / 180.0
# Taylor coefficients; at 45 degrees, the largest angle that is left after folding, the remainder is below 1e-16.
_SINE = (1.0, -1 / 6, 1 / 120, -1 / 5040, 1 / 362_880, -1 / 39_916_800, 1 / 6_227_020_800)
_COSINE = (1.0, -1 / 2, 1 / 24, -1 / 720, 1 / 40_320, -1 / 3_628_800, 1 / 479_001_600, -1 / 87_178_291_200)
_NEWTON_STEPS = 3


def distance_km(
    latitude: Any, longitude: Any, other_latitude: Any, other_longitude: Any, root: Callable[[Any], Any] = sqrt
) -> Any:
    """Return kilometres between two places in degrees; `root` is numpy's for arrays.

    Accurate to about a metre; latitudes must lie within [-90, 90].
    """
    x1, y1, z1 = _unit(latitude, longitude)
    x2, y2, z2 = _unit(other_latitude, other_longitude)
    dx, dy, dz = x1 - x2, y1 - y2, z1 - z2
    squared = dx * dx + dy * dy + dz * dz
    sx, sy, sz = x1 + x2, y1 + y2, z1 + z2
    opposite = sx * sx + sy * sy + sz * sz
    half_sine, half_cosine = root(squared) * 0.5, root(opposite) * 0.5
    return 2.0 * EARTH_RADIUS_KM * _angle(half_sine, half_cosine)


def _unit(latitude: Any, longitude: Any) -> tuple[Any, Any, Any]:
    sin_lat, cos_lat = _sine_cosine(latitude * _RADIANS)
    sin_lon, cos_lon = _sine_cosine(longitude * _RADIANS)
    return cos_lat * cos_lon, cos_lat * sin_lon, sin_lat


def _sine_cosine(angle: Any) -> tuple[Any, Any]:
    """Sine and cosine of angles within [-2 pi, 2 pi] by doubling those of an eighth, three times."""
    eighth = angle * 0.125
    square = eighth * eighth
    sine, cosine = eighth * _polynomial(_SINE, square), _polynomial(_COSINE, square)
    for _ in range(3):
        sine, cosine = 2.0 * sine * cosine, cosine * cosine - sine * sine
    return sine, cosine


def _angle(sine: Any, cosine: Any) -> Any:
    """Angle in [0, pi / 2] of a sine and a cosine: a rational guess, then Newton's method on the sine of the rest."""
    guess = (pi / 2) * sine / (sine + cosine)
    for _ in range(_NEWTON_STEPS):
        guess_sine, guess_cosine = _sine_cosine(guess)
        # sine * cos(guess) - cosine * sin(guess) is the sine of what is missing, which is small.
        rest = sine * guess_cosine - cosine * guess_sine
        guess = guess + rest * (1.0 + rest * rest / 6.0)
    return guess


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    result = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result
