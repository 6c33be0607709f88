"""A plan that is not lawful: a map of it with what is wrong, in a form that no ground station uploads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from flightplan.files.text import read_text, write_text
from flightplan.mission.limits import Violation
from flightplan.mission.mission import Mission

SUFFIX = ".draft.geojson"


def write_draft(path: Path, mission: Mission, violations: Sequence[Violation]) -> None:
    """Writes a mission's path and its breaches as GeoJSON; `path` ends with `.draft.geojson`.

    Raises:
        ValueError: It ends with something else, or nothing is wrong with the mission.
    """
    if not path.name.endswith(SUFFIX):
        raise ValueError(f"a draft's name ends with {SUFFIX}")
    if not violations:
        raise ValueError("a mission without breaches is no draft")
    feature = {
        "type": "Feature",
        "properties": {
            "kind": "draft",
            "name": mission.name,
            "not_to_be_flown": True,
            "violations": [
                {"rule": one.rule, "place": one.place, "problem": one.problem, "remedy": one.remedy}
                for one in violations
            ],
        },
        "geometry": {"type": "LineString", "coordinates": [list(point) for point in mission.path_lonlat()]},
    }
    document = {"type": "FeatureCollection", "features": [feature]}
    write_text(path, json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def why_draft(path: Path) -> str:
    """The first breach that a draft names, in words.

    Raises:
        InputFileError: The file cannot be read.
    """
    try:
        first = json.loads(read_text(path))["features"][0]["properties"]["violations"][0]
        return f"{first['place']}: {first['problem']}"
    except (ValueError, LookupError, TypeError):
        return "it does not say what is wrong with it"
