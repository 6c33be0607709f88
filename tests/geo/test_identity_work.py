"""How much is looked at for one sighting, and that what is near is found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from geo_builders import a_sighting, a_square

from geo.identity import Grouper, IdentityRules, PictureLooks
from geo.identity.gathering import Gathering
from geo.identity.ground import FlightGround, ThingGround
from geo.identity.intake import Intake
from geo.identity.journal import Partings
from geo.identity.likeness import MergeRule
from geo.identity.neighbours import strays
from geo.identity.piece import Piece
from geo.sighting import Sighting

SIDE_M = 9.0


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many pieces and things are looked at, and how many pairs compared."""
    counts: Counter[str] = Counter()

    def count(owner: type, name: str, size: Callable[[Any], int]) -> None:
        plain = getattr(owner, name)

        def counting(*args: Any, **named: Any) -> Any:
            answer = plain(*args, **named)
            counts[name] += size(answer)
            return answer

        monkeypatch.setattr(owner, name, counting)

    count(FlightGround, "near", len)
    count(ThingGround, "touching", len)
    count(MergeRule, "resemble", lambda _: 1)
    return counts


def city_block(things_across: int, flight: int) -> list[list[Sighting]]:
    """Pictures of 3 x 3 things each, over a lattice of things that is a little out of line."""
    rng = np.random.default_rng(flight)
    offset, pictures = rng.normal(0, 1.0, 2), []
    for column in range(things_across - 2):
        for row in range(things_across - 2):
            corners = [(column + i, row + j) for i in range(3) for j in range(3)]
            places = [
                offset + np.array((SIDE_M * i + math.sin(7.0 * i * j + j), SIDE_M * j + math.cos(5.0 * i * j + i)))
                for i, j in corners
            ]
            pictures.append(
                [
                    a_sighting(*(place + rng.normal(0, 0.4, 2)), source=f"{column}/{row}", flight_id=f"f{flight}")
                    for place in places
                ]
            )
    return pictures


def test_the_work_per_sighting_does_not_grow_with_the_city(looked_at: Counter[str]) -> None:
    per_sighting = []
    for things_across in (9, 18):
        looked_at.clear()
        grouper, sightings = Grouper(), 0
        for flight in (1, 2):
            for picture in city_block(things_across, flight):
                grouper.add_picture(picture)
                sightings += len(picture)
            grouper.merge_pass()
        assert len(grouper) == things_across**2
        per_sighting.append({name: looked_at[name] / sightings for name in ("near", "touching", "resemble")})
    small, large = per_sighting
    # Things at the edge of a city have fewer neighbours, and a small city has more edge.
    for name, at_most in (("near", 9.0), ("touching", 9.0), ("resemble", 3.0)):
        assert 0 < large[name] < 1.35 * small[name], name
        assert large[name] < at_most, name


def test_a_look_finds_all_that_lies_within_reach_however_reach_grows() -> None:
    rng = np.random.default_rng(6)
    intake = Intake(MergeRule(IdentityRules(), None))
    pieces = []
    for number, (east, north) in enumerate(rng.uniform(-60, 60, (150, 2))):
        (point,) = intake.points([a_sighting(east, north, source=f"{number}", sigma_m=1.0 + number / 50)])
        piece = Piece(number, point.ground, Gathering(number, "waste", 1.2))
        piece.add(point)
        assert piece.has_moved()
        point.ground.note(piece)
        pieces.append(piece)
    ground = pieces[0].ground
    assert ground.reach_m > 10
    for place in rng.uniform(-70, 70, (200, 2)):
        near = {piece.piece_id for piece in ground.near(float(place[0]), float(place[1]))}
        reached = {piece.piece_id for piece in pieces if math.dist(piece.told[:2], place) <= ground.reach_m}
        assert reached <= near
    ground.drop(pieces[0])
    assert pieces[0] not in ground.near(*pieces[0].told[:2])


def test_a_sure_sighting_is_not_given_to_a_piece_too_unsure_to_join_anything() -> None:
    grouper = Grouper()
    vague = grouper.add(a_sighting(0, 0, source="1", sigma_m=13.0))
    sharp = grouper.add(a_sighting(2, 0, source="2"))
    assert sharp != vague
    assert grouper.add(a_sighting(2.5, 0, source="3")) == sharp
    assert grouper.merge_pass() == []
    (suggestion,) = grouper.suggestions()
    assert (suggestion.one_id, suggestion.other_id, suggestion.why) == (vague, sharp, "vague")


@pytest.mark.parametrize(("step_m", "side_m", "in_parts"), [(0.8, 2.0, False), (20.0, 30.0, True)])
def test_outlines_that_sway_are_no_parts_of_something_large(step_m: float, side_m: float, in_parts: bool) -> None:
    intake = Intake(MergeRule(IdentityRules(), None))
    shifts = [(step_m * i, step_m * (i % 3)) for i in range(-4, 5)]
    points = [
        intake.points(
            [
                a_sighting(
                    e, n, source=f"{e}", footprint_lonlat=a_square(e, n, side_m), area_m2=side_m * side_m, sigma_m=2.5
                )
            ]
        )[0]
        for e, n in shifts
    ]
    piece = Piece(1, points[0].ground, Gathering(1, "waste", 1.2))
    for point in points:
        piece.add(point)
    assert piece.in_parts is in_parts


@pytest.mark.parametrize(("beside", "freed"), [(1, True), (2, True), (3, False)])
def test_a_stray_beside_a_thing_does_not_keep_its_two_halves_apart(beside: int, freed: bool) -> None:
    rule = MergeRule(IdentityRules(), None)
    intake, number = Intake(rule), 0

    def piece(flight_id: str, sources: range, east_m: float, thing: Gathering) -> Piece:
        nonlocal number
        number += 1
        points = [
            intake.points([a_sighting(east_m, 0, source=f"{source}", flight_id=flight_id)])[0] for source in sources
        ]
        made = Piece(number, points[0].ground, thing)
        for point in points:
            made.add(point)
        thing.take([made])
        return made

    one, other = Gathering(1, "waste", 1.2), Gathering(2, "waste", 1.2)
    piece("f1", range(5), 0.0, one)
    piece("f2", range(5), 0.3, other)
    stray = piece("f1", range(beside), 1.0, other)
    assert strays(one, other, rule, Partings()) == ([stray] if freed else [])
    parted = Partings()
    parted.part(one.pieces, other.pieces)
    assert strays(one, other, rule, parted) == []


def test_a_clean_look_counts_the_pictures_whose_ground_holds_the_place() -> None:
    looks, noon = PictureLooks(least_pictures=2), datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
    # A dart: its box holds places that it does not, in the notch between its two points.
    dart = ((0.0, 0.0), (4.0, 0.0), (1.0, 1.0), (0.0, 4.0))
    early, late = noon - timedelta(hours=1), noon + timedelta(hours=1)
    looks.add(dart, at=noon, flight_id="f1")
    assert not looks.clean_look((0.5, 0.5), early, late)
    looks.add(dart[::-1], at=noon + timedelta(seconds=2), flight_id="f1")
    assert looks.clean_look((0.5, 0.5), early, late)
    assert not looks.clean_look((3.0, 3.0), early, late)
    assert not looks.clean_look((1.5, 1.5), early, late)
    assert not looks.clean_look((0.5, 0.5), early, noon + timedelta(seconds=1))
    assert not looks.clean_look((0.5, 0.5), early, late, frozenset(("f1",)))


def test_a_piece_that_is_built_anew_from_its_flights_record_says_the_same() -> None:
    rng, intake = np.random.default_rng(7), Intake(MergeRule(IdentityRules(), None))
    points = [
        intake.points(
            [
                a_sighting(
                    east, north, source=f"{number}", footprint_lonlat=a_square(east, north, 2.0), area_m2=4.0 + number
                )
            ]
        )[0]
        for number, (east, north) in enumerate(rng.normal(0, 0.5, (5, 2)))
    ]
    piece = Piece(1, points[0].ground, Gathering(1, "waste", 1.2))
    for point in points:
        piece.add(point)

    def said() -> tuple[object, ...]:
        outline = piece.extent
        assert outline is not None
        times = (piece.first_s, piece.last_s)
        return (
            piece.told,
            piece.settled,
            piece.shared_sum,
            piece.box,
            piece.solid_m2,
            piece.pictures(),
            times,
            outline.wkt,
        )

    before, rows = said(), list(piece.rows)
    piece.rebuild(rows[:2])
    assert said() != before
    piece.rebuild(rows)
    assert said() == before
