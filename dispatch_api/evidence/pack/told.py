"""How a pack's manifest tells of cases, observations, flights, models, tasks and reviews."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row

from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.evidence.pack.pictures import Picture
from dispatch_api.evidence.proofs import CleanLook
from dispatch_api.flights.facts import FLIGHT_FACTS
from dispatch_api.store.times import iso
from geo.position import ellipses, scale_of_probability

UNKNOWN = "unknown"


def _place(row: Row[Any]) -> dict[str, Any]:
    covariance = [[row.cov_ee_m2, row.cov_en_m2], [row.cov_en_m2, row.cov_nn_m2]]
    major_m, minor_m, azimuth_deg = ellipses(np.array([covariance]))[0].tolist()
    scale = scale_of_probability(0.95)
    return {
        "lon": row.lon,
        "lat": row.lat,
        "crs": "WGS 84",
        "covariance_en_m2": covariance,
        "ellipse_95": {
            "major_m": round(scale * major_m, 3),
            "minor_m": round(scale * minor_m, 3),
            "azimuth_deg": round(azimuth_deg, 1),
        },
    }


def told_case(row: Row[Any], matters: Matters) -> dict[str, Any]:
    """The case, in names and numbers."""
    matter, (state_zh, state_en) = matter_name(matters, row.matter), CASE_STATE_NAMES[CaseState(row.state)]
    plain = ("case_id", "number", "matter", "label", "state", "colour", "confidence", "footprint", "extent_m2")
    more = ("extent_sigma_m2", "address", "grid_code", "grid_name", "zones", "rule", "hold", "observations", "frames")
    times = ("first_seen_at", "last_seen_at", "created_at", "opened_at", "dispatched_at", "ended_at", "handed_over_at")
    return {
        **{name: getattr(row, name) for name in (*plain, *more)},
        **{name: iso(getattr(row, name)) for name in times},
        **_place(row),
        "matter_zh": matter.zh,
        "matter_en": matter.en,
        "state_zh": state_zh,
        "state_en": state_en,
    }


def told_observation(row: Row[Any]) -> dict[str, Any]:
    """One sighting of it."""
    plain = ("key", "flight_id", "case_id", "label", "confidence", "frames", "extent_m2", "extent_sigma_m2")
    times = ("first_seen_at", "last_seen_at", "recorded_at")
    return {
        **{name: getattr(row, name) for name in plain},
        **{name: iso(getattr(row, name)) for name in times},
        **_place(row),
    }


def told_look(look: CleanLook) -> dict[str, Any]:
    """A flight that looked again and found nothing."""
    return {
        "event": look.seq,
        "case_id": look.case_id,
        "flight_id": look.flight_id,
        "looks": look.looks,
        "resolution_m": look.resolution_m,
        "first_at": look.first_at,
        "last_at": look.last_at,
        "original_sha256": None if look.picture is None else look.picture["original_sha256"],
    }


def told_flight(name: str, row: Row[Any] | None) -> dict[str, Any]:
    """A flight; what nobody told of it is unknown."""
    told = (row.facts or {}) if row is not None else {}
    return {
        "flight_id": name,
        "name": row.name if row is not None else UNKNOWN,
        "started_at": iso(row.started_at) if row is not None else UNKNOWN,
        "ended_at": (iso(row.ended_at) or UNKNOWN) if row is not None else UNKNOWN,
        **{fact: told.get(fact) or UNKNOWN for fact in FLIGHT_FACTS},
        "route": (row.planned_path or UNKNOWN) if row is not None else UNKNOWN,
    }


def told_models(pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """The models that found something in its pictures, each once."""
    found: dict[str, dict[str, Any]] = {}
    for picture in pictures:
        for finding in (picture.look or {}).get("findings", ()):
            if finding["model_sha256"]:
                known = found.setdefault(
                    finding["model_sha256"],
                    {
                        "name": finding["model"],
                        "sha256": finding["model_sha256"],
                        "labels": [],
                        "thresholds": {},
                        "card_sha256": None,
                    },
                )
                known["labels"] = sorted({*known["labels"], finding["label"]})
                known["card_sha256"] = known["card_sha256"] or finding.get("card_sha256")
                if "threshold" in finding:
                    known["thresholds"].setdefault(finding["label"], finding["threshold"])
    return [{**model, "thresholds": model["thresholds"] or UNKNOWN} for model in found.values()]


def told_task(row: Row[Any]) -> dict[str, Any]:
    """One department's work on it."""
    times = ("created_at", "signed_at", "done_at", "ended_at", "deadline_at")
    plain = ("task_id", "department", "kind", "state", "rule")
    return {**{name: getattr(row, name) for name in plain}, **{name: iso(getattr(row, name)) for name in times}}


def told_review(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Who looked at it, and what they decided."""
    by_a_person = not entry["who"].startswith("system:")
    return {
        "event": entry["seq"],
        "at": entry["at"],
        "reviewer": entry["who"],
        "by_a_person": by_a_person,
        "verdict": "rejected" if entry["to_state"] == CaseState.REJECTED.value else "confirmed",
        "why": entry["why"],
        "reason_code": json.loads(entry["data"]).get("reason_code"),
    }
