"""What a training set of verdicts says of itself: per sample in its manifest, and as a whole in its card."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dispatch_api.evidence.looks import Finding
from dispatch_api.verdicts.model import KeptNearMiss
from flyonce.dataset_samples import Sample
from vision.training.verdicts import Cut

SOURCE = "verdicts"


def facts_of(one: Sample, *, redacted: bool) -> dict[str, Any]:
    """What the manifest says of a sample."""
    verdict, picture, look = one.verdict, one.picture, one.picture.look
    return {
        "source": SOURCE,
        "group": one.group,
        "labelled": [one.finding.label],
        "viewpoint": "aerial",
        "ground_resolution_m": None if look is None else look.ground_resolution_m,
        "case_number": verdict.case_number,
        "matter": verdict.matter,
        "verdict": verdict.verdict,
        "label": one.finding.label,
        "label_is": verdict.label_is,
        "reason": verdict.reason,
        "reason_code": verdict.reason_code,
        "role": verdict.role,
        "decided_at": iso(verdict.at),
        "confidence": round(one.finding.confidence, 4),
        "model": one.finding.model or None,
        "model_sha256": one.finding.model_sha256 or None,
        "flight_id": picture.flight_id,
        "captured_at": iso(picture.captured_at),
        "original_sha256": picture.original_sha256,
        "redacted": redacted,
        "surroundings_known": look is not None,
    }


def facts_of_near_miss(near: KeptNearMiss) -> dict[str, Any]:
    """What the manifest says of a sighting that waits for a label."""
    mine = next(finding for finding in near.look.findings if finding.mine)
    return {
        "why": "near its threshold",
        "source": SOURCE,
        "group": f"flight:{near.flight_id}",
        "label": near.label,
        "confidence": round(near.confidence, 4),
        "threshold": near.threshold,
        "box_xyxy_px": [round(side, 1) for side in mine.box_xyxy_px],
        "polygon_px": None if mine.polygon_px is None else [list(point) for point in mine.polygon_px],
        "model": mine.model,
        "model_sha256": mine.model_sha256,
        "ground_resolution_m": near.look.ground_resolution_m,
        "flight_id": near.flight_id,
        "captured_at": iso(near.seen_at),
        "original_sha256": near.source_sha256,
        "redacted": True,
    }


def proposal_of(finding: Finding, cut: Cut) -> dict[str, Any]:
    """The thing itself in pixels of its cut-out; its outline is the model's, for nobody drew one."""
    left, top = cut.window_xyxy_px[:2]
    box = finding.box_xyxy_px
    outline = finding.polygon_px
    return {
        "box_xyxy_px": [round(side - (left, top)[axis % 2], 1) for axis, side in enumerate(box)],
        "polygon_px": None if outline is None else [[round(x - left, 1), round(y - top, 1)] for x, y in outline],
    }


def card_of(*, redacted: bool) -> dict[str, Any]:
    """The set's card."""
    return {
        "name": SOURCE,
        "what": "Cut-outs that reviewers confirmed or rejected; the manifest says per picture what was judged.",
        "viewpoint": "aerial",
        "redacted": redacted,
        "outlines": "Boxes and outlines are the model's; reviewers judged the thing, and drew nothing.",
        "licence": "none: pictures of this city, to train with inside it; the originals' rules of access hold",
    }


def iso(at: datetime | None) -> str | None:
    """A moment in UTC as the manifest writes it; None stays None."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
