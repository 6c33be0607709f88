"""What reviewers judged, as samples: one box of one verdict in one picture, and what else that picture shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dispatch_api.evidence.looks import Finding
from dispatch_api.verdicts.model import JudgedPicture, Verdict
from flyonce.dataset_groups import Groups
from vision.boxes import iou_matrix
from vision.detections import LABELS
from vision.pixels import Image
from vision.redaction import hidden_zones
from vision.training.splits import Fractions, Split, split_of
from vision.training.verdicts import Thing, covered_share

_MOST_HIDDEN = 0.5
_SAME_BOX = 0.5


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One box of one verdict in one picture, with the group it belongs to."""

    verdict: Verdict
    picture: JudgedPicture
    finding: Finding
    group: str
    other_group: str | None


def samples_of(verdicts: Iterable[Verdict]) -> list[Sample]:
    """All samples with their groups: also those before the time asked for, for groups grow with the history."""
    groups, samples = Groups(), []
    for verdict in verdicts:
        for picture in verdict.pictures:
            group, other = groups.group_of(
                picture=picture.original_sha256, case_id=verdict.case_id, lon=verdict.lon, lat=verdict.lat
            )
            samples += [
                Sample(verdict=verdict, picture=picture, finding=finding, group=group, other_group=other)
                for finding in _mine(picture)
            ]
    return samples


def _mine(picture: JudgedPicture) -> Sequence[Finding]:
    """The findings that the case is about: as they were recorded, or as boxes alone in older stores."""
    if picture.look is not None and (mine := [one for one in picture.look.findings if one.mine]):
        return mine
    return [
        Finding(label=picture.label, confidence=picture.confidence, box_xyxy_px=box, mine=True)
        for box in picture.boxes_xyxy_px
    ]


def is_there(verdict: Verdict) -> bool | None:
    """Whether a verdict says that the thing is what its label says; None where it does not tell."""
    return {"right": True, "wrong": False, "unknown": None}[verdict.label_is]


def judged_in(samples: Iterable[Sample]) -> Mapping[str, Sequence[Sample]]:
    """By picture, everything that anybody said of it."""
    judged: defaultdict[str, list[Sample]] = defaultdict(list)
    for one in samples:
        judged[one.picture.original_sha256].append(one)
    return judged


def unfit(one: Sample, *, redacted: bool) -> str | None:
    """Why a sample cannot be used, before its picture is opened; None if it can."""
    if one.finding.label not in LABELS:
        return "the label is not one of the models'"
    left, top, right, bottom = one.finding.box_xyxy_px
    if right - left < 1 or bottom - top < 1:
        return "the box has no area"
    if one.other_group is not None and side_of(one.group) != side_of(one.other_group):
        return "it would show the same ground on two sides of the split"
    if redacted and covered_share(one.finding.box_xyxy_px, _hidden(one)) > _MOST_HIDDEN:
        return "hidden by redaction"
    return None


def others_in(one: Sample, judged: Mapping[str, Sequence[Sample]]) -> list[Thing]:
    """What else the picture shows: with the verdicts on it where there are any, unjudged where not."""
    others, spoken_for = [], [one.finding]
    for other in judged[one.picture.original_sha256]:
        if other is not one and other.finding.label in LABELS and _has_area(other.finding):
            others.append(thing_of(other.finding, is_there(other.verdict)))
            spoken_for.append(other.finding)
    findings = () if one.picture.look is None else one.picture.look.findings
    others += [
        thing_of(finding, None)
        for finding in findings
        if finding.label in LABELS
        and _has_area(finding)
        and not any(_is_same(finding, already) for already in spoken_for)
    ]
    return others


def thing_of(finding: Finding, is_there: bool | None) -> Thing:
    """A finding as the cutter takes it, with what was judged of it."""
    outline = finding.polygon_px
    return Thing(
        label=finding.label,
        box_xyxy_px=finding.box_xyxy_px,
        polygon_px=None if outline is None else np.array(outline, np.float32),
        is_there=is_there,
    )


def _has_area(finding: Finding) -> bool:
    left, top, right, bottom = finding.box_xyxy_px
    return right > left and bottom > top


def _is_same(first: Finding, second: Finding) -> bool:
    overlap = iou_matrix([first.box_xyxy_px], [second.box_xyxy_px])[0, 0]
    return first.label == second.label and bool(overlap >= _SAME_BOX)


def touches(finding: Finding, image: Image) -> bool:
    """Whether at least a pixel of a finding's box lies in the picture."""
    left, top, right, bottom = finding.box_xyxy_px
    height, width = image.shape[:2]
    across, down = min(right, float(width)) - max(left, 0.0), min(bottom, float(height)) - max(top, 0.0)
    return across >= 1 and down >= 1


def _hidden(one: Sample) -> list[tuple[float, float, float, float]]:
    """The parts of the picture that redaction took away, as far as the store knows what was found."""
    findings = (one.finding,) if one.picture.look is None else one.picture.look.findings
    return hidden_zones((finding.label, finding.box_xyxy_px) for finding in findings)


def side_of(group: str) -> Split:
    """The side of the split on which a group is."""
    return split_of(group, Fractions())
