"""The offsets of flights towards each other, told by the things that several of them saw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.flight import Flight
from geo.identity.offsets import Offset, Places, offset_between
from geo.identity.piece import Piece
from geo.identity.rules import IdentityRules


def align(flights: Iterable[Flight], rules: IdentityRules) -> list[Flight]:
    """Set the offsets of flights that changed since they were last aligned.

    A flight is laid over those before it that lie on a common map; where enough things agree, it joins that map. The
    mean offset of a map's flights stays nought, for that is what is likeliest of independent offsets.

    Returns:
        The flights whose offset changed.
    """
    families: dict[str, int] = {}
    known: list[Flight] = []
    moved: dict[str, Flight] = {}
    for flight in flights:
        if known and flight.sightings != flight.aligned_at:
            flight.aligned_at = flight.sightings
            for one in _align_one(flight, known, rules, families):
                moved[one.flight_id] = one
        known.append(flight)
    return list(moved.values())


def _align_one(
    flight: Flight, known: Sequence[Flight], rules: IdentityRules, families: dict[str, int]
) -> Sequence[Flight]:
    mine = _places([(piece, (0.0, 0.0), gaussian.ZERO) for piece in flight.pieces], families)
    best: tuple[Offset, list[Flight]] | None = None
    for mates in {id(one.mates): one.mates for one in known}.values():
        others = [mate for mate in mates if mate is not flight]
        if not others:
            continue
        chart = _places([(p, mate.shift, mate.shift_covariance) for mate in others for p in mate.pieces], families)
        sigma_m = math.hypot(_offset_m(flight, rules), _offset_m(others[0], rules) / math.sqrt(len(others)))
        found = offset_between(mine, chart, sigma_m=sigma_m, least_matches=rules.align_matches)
        if found is not None and (best is None or found.matches > best[0].matches):
            best = found, others
    return () if best is None else _lay(flight, best[1], best[0], rules)


def _lay(flight: Flight, others: Sequence[Flight], offset: Offset, rules: IdentityRules) -> Sequence[Flight]:
    """Put a flight on the map of others, and the map's mean offset to nought."""
    flight.shift = offset.shift_m
    flight.shift_covariance = gaussian.at_least(offset.covariance, rules.align_floor_m)
    mates = sorted([*others, flight], key=lambda one: one.order)
    east = sum(mate.shift[0] for mate in mates) / len(mates)
    north = sum(mate.shift[1] for mate in mates) / len(mates)
    for left in flight.mates:
        if left not in mates:
            left.mates = [mate for mate in flight.mates if mate not in mates]
    for mate in mates:
        mate.shift = (mate.shift[0] - east, mate.shift[1] - north)
        mate.mates = mates
        for piece in mate.pieces:
            # Among mates only the flight's own places have moved.
            if mate is flight:
                piece.changed = True
                piece.gathering.touch()
            else:
                piece.gathering.forget()
    return mates


def _places(pieces: Sequence[tuple[Piece, Vec, Sym]], families: dict[str, int]) -> Places:
    return Places(
        en_m=np.array([(p.place[0] - s[0], p.place[1] - s[1]) for p, s, _ in pieces]).reshape(-1, 2),
        noise_m2=np.array([gaussian.add(p.noise, c) for p, _, c in pieces]).reshape(-1, 3),
        families=np.array(
            [families.setdefault(p.points[0].family, len(families)) for p, _, _ in pieces], dtype=np.int64
        ),
    )


def _offset_m(flight: Flight, rules: IdentityRules) -> float:
    """How large the flight's offset is to be expected, one sigma per axis."""
    claimed = [gaussian.eigenvalues(piece.shared)[1] for piece in flight.pieces]
    return max(rules.offset_floor_m, math.sqrt(float(np.median(claimed))))
