"""Files with anything in them: each is read, or refused in words of our own; nothing else comes out."""

from __future__ import annotations

import json
import random
import re
import zipfile
from datetime import date
from pathlib import Path

import pytest
from test_reflight_reading import CASES, CELLS, PLANS

from flightplan.errors import CannotPlan, FlightplanError, InvalidMission
from flightplan.files import read_plan, read_waypoints, read_wpml
from flightplan.files.areas import areas_of, shapes_of
from flightplan.reflight.dynamic import DynamicRules, overdue_cells
from flightplan.reflight.reading import read_targets
from flightplan.reflight.recurring import read_fixed_plans
from geo.errors import InputFileError

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
REFUSALS = (InputFileError, FlightplanError, InvalidMission, CannotPlan)
VALUES = [None, True, -1, 0, 1e308, 1e-320, 10**30, 10**400, "", "x", [], {}, [[]], float("nan"), float("inf"), "1e999"]
WORDS = [
    "",
    "nan",
    "-1",
    "1e999",
    "9" * 400,
    "0",
    "99999999999",
    "x",
    "<",
    "&",
    "]]>",
    "1,2",
    "1e15",
    "４",
    "9999-12-31",
]
SEEDS = range(20)


def changed_json(node, dice, share=0.03):
    """The document with values replaced, left out and repeated at random."""
    if dice.random() < share:
        return dice.choice(VALUES)
    if isinstance(node, dict):
        kept = {key: changed_json(value, dice, share) for key, value in node.items() if dice.random() > share / 2}
        return kept | ({"unknown": dice.choice(VALUES)} if dice.random() < share else {})
    if isinstance(node, list):
        return [changed_json(value, dice, share) for value in node if dice.random() > share / 2]
    return node


def changed_text(text, dice):
    """The text with numbers and words replaced at random."""
    for _ in range(dice.randint(1, 3)):
        begin, end = dice.choice([found.span() for found in re.finditer(r"[-\d.]+|[A-Za-z]{3,}", text)])
        text = text[:begin] + dice.choice(WORDS) + text[end:]
    return text


def changed_archive(path, dice):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("wpmz/waylines.wpml", changed_text((GOLDEN / "waylines.wpml").read_text(), dice))
        archive.writestr("wpmz/template.kml", changed_text((GOLDEN / "template.kml").read_text(), dice))
    if dice.random() < 0.3:
        data = bytearray(path.read_bytes())
        for _ in range(5):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(data)


MAKERS = {
    "plan.plan": (
        lambda path, dice: path.write_text(
            json.dumps(changed_json(json.loads((GOLDEN / "fenced.plan").read_text()), dice))
        ),
        read_plan,
    ),
    "m.waypoints": (
        lambda path, dice: path.write_text(changed_text((GOLDEN / "mission.waypoints").read_text(), dice)),
        read_waypoints,
    ),
    "m.kmz": (changed_archive, read_wpml),
    "areas.kml": (
        lambda path, dice: path.write_text(changed_text((GOLDEN / "areas.kml").read_text(), dice)),
        areas_of,
    ),
    "shapes.kml": (
        lambda path, dice: path.write_text(changed_text((GOLDEN / "areas.kml").read_text(), dice)),
        shapes_of,
    ),
    "cases.json": (lambda path, dice: path.write_text(json.dumps(changed_json(CASES, dice, 0.06))), read_targets),
    "cases.yaml": (lambda path, dice: path.write_text(changed_text(json.dumps(CASES), dice)), read_targets),
    "cells.csv": (
        lambda path, dice: path.write_text(changed_text(CELLS, dice)),
        lambda path: overdue_cells(path, date(2026, 11, 23), DynamicRules()),
    ),
    "plans.yaml": (lambda path, dice: path.write_text(changed_text(PLANS, dice)), read_fixed_plans),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_changed_at_random_is_read_or_refused_in_our_own_words(tmp_path, name):
    make, read = MAKERS[name]
    refusals = []
    for seed in SEEDS:
        path = tmp_path / name
        make(path, random.Random(f"{name} {seed}"))
        try:
            read(path)
        except REFUSALS as error:
            refusals.append(str(error))
    # A test that never refuses anything tests nothing.
    assert refusals
    assert not [words for words in refusals if "\n" in words]
