"""The offset of a flight against places that are known already, such as those of open cases."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.offsets import Places, offset_between
from geo.identity.plane import Plane
from geo.identity.rules import IdentityRules
from geo.position import Covariance, Fix

# What is known was told by few flights as a rule, each with an offset of its own: this much of it differs.
_KNOWN_SIGMA_M = 0.5


def offset_from_known(
    seen: Sequence[tuple[str, Fix]], known: Sequence[tuple[str, Fix]], rules: IdentityRules
) -> Vec | None:
    """How far a flight's places lie off known ones.

    Args:
        seen: What the flight saw: the family of each thing, and its place.
        known: What was known before.
        rules: Say how large offsets are and how many things must agree.

    Returns:
        Metres east and north, to be taken off the flight's places; None where too few things tell.
    """
    if len(seen) < rules.align_matches or len(known) < rules.align_matches:
        return None
    plane, families = Plane(seen[0][1].lon, seen[0][1].lat), dict[str, int]()
    shared = [_sym(fix.common_m2) for _, fix in seen]
    sigma_m = math.sqrt(float(np.median([gaussian.eigenvalues(one)[1] for one in shared])))
    found = offset_between(
        _places(seen, [_own(fix) for _, fix in seen], plane, families),
        _places(known, [gaussian.isotropic(_KNOWN_SIGMA_M)] * len(known), plane, families),
        expected_m=(0.0, 0.0),
        sigma_m=math.hypot(max(sigma_m, rules.offset_floor_m), rules.offset_floor_m),
        least_matches=rules.align_matches,
    )
    return None if found is None else found.shift_m


def _places(told: Sequence[tuple[str, Fix]], noise: Sequence[Sym], plane: Plane, families: dict[str, int]) -> Places:
    return Places(
        en_m=np.array([plane.en(fix.lon, fix.lat) for _, fix in told]),
        noise_m2=np.array(noise),
        families=np.array([families.setdefault(family, len(families)) for family, _ in told], dtype=np.int64),
    )


def _own(fix: Fix) -> Sym:
    return gaussian.subtract(_sym(fix.covariance_m2), _sym(fix.common_m2), least_m=_KNOWN_SIGMA_M)


def _sym(covariance: Covariance) -> Sym:
    (ee, en), (_, nn) = covariance
    return ee, en, nn
