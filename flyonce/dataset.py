"""Reviewers' verdicts out of a store and into a training set: what the store knows joined with what pictures show."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dispatch_api.accounts.model import Actor
from dispatch_api.evidence.looks import Finding
from dispatch_api.store import Store
from dispatch_api.verdicts.model import JudgedPicture, KeptNearMiss, Verdict
from dispatch_api.verdicts.service import VerdictDesk
from flyonce.dataset_groups import Groups
from vision.detections import LABELS
from vision.frame import Image
from vision.redaction import hidden_zones, leaving_jpeg
from vision.sources.photos import read_frame
from vision.training.splits import Fractions, Split, split_of
from vision.training.verdict_set import JPEG_QUALITY, VerdictSet, written_whole
from vision.training.verdicts import Cut, Thing, covered_share, cut_sample, overlap

SOURCE = "verdicts"
_MOST_HIDDEN = 0.5
_SAME_BOX = 0.5


class NothingToExport(Exception):
    """The store holds no verdict with a picture, and nothing that waits for a label, in the time asked for."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Who opens sealed originals, and why: both go into the history for every picture."""

    by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """What an export came to.

    Attributes:
        out: The folder.
        verdicts: Verdicts in the time asked for, by `confirmed` and `rejected`.
        pictures: Written pictures by part, hard negatives and uncertain ones.
        by_label: Labelled things by label.
        left_out: Pictures that could not be used, by reason.
        redacted: Whether people and plates are hidden.
        originals_opened: Sealed originals that were opened for it.
        manifest_sha256: SHA-256 of `manifest.json`: two exports with the same one are the same.
    """

    out: str
    verdicts: dict[str, int]
    pictures: dict[str, int]
    by_label: dict[str, int]
    left_out: dict[str, int]
    redacted: bool
    originals_opened: int
    manifest_sha256: str


def export_dataset(
    store: Store,
    out: Path,
    *,
    since_at: datetime | None = None,
    until_at: datetime | None = None,
    opening: Opening | None = None,
    on_total: Callable[[int], None] = lambda total: None,
    on_sample: Callable[[], None] = lambda: None,
) -> ExportResult:
    """Write the verdicts of a time, and what waits for a label, as a training set.

    Args:
        store: An open store.
        out: A folder that is empty or not there yet.
        since_at: Verdicts from this moment on, aware; all if None.
        until_at: Verdicts before this moment, aware; all if None.
        opening: Who opens the sealed originals and why; None takes the redacted pictures.
        on_total: Called with the number of pictures to come.
        on_sample: Called after each picture.

    Raises:
        NothingToExport: There is nothing in that time; nothing is written.
        BadDataSetError: `out` is not an empty folder, or cannot be made.
        EvidenceError: A picture is missing or was changed; nothing is written.
    """
    desk = VerdictDesk(store)
    samples = _samples_of(desk.verdicts(until_at=until_at))
    chosen = [one for one in samples if since_at is None or one.verdict.at >= since_at]
    waiting = desk.near_misses(since_at=since_at, until_at=until_at)
    if not chosen and not waiting:
        raise NothingToExport(
            f"store {store.url}: no reviewer's verdict with a picture and no sighting near its threshold"
        )
    on_total(len(chosen) + len(waiting))
    with written_whole(out) as folder:
        work = _Export(desk=desk, opening=opening, judged=_judged_in(samples), target=VerdictSet(folder))
        for one in chosen:
            work.take(one)
            on_sample()
        for near in waiting:
            work.take_near_miss(near)
            on_sample()
        work.target.finish(left_out=work.left_out, card=_card(redacted=opening is None))
        digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    by_verdict = {one.verdict.seq: one.verdict.verdict for one in chosen}
    result = ExportResult(
        out=str(out),
        verdicts={name: list(by_verdict.values()).count(name) for name in ("confirmed", "rejected")},
        pictures=work.target.counts(),
        by_label=dict(sorted(work.by_label.items())),
        left_out=dict(sorted(Counter(row["why"] for row in work.left_out).items())),
        redacted=opening is None,
        originals_opened=work.opened,
        manifest_sha256=digest,
    )
    _note(desk, result, opening, since_at, until_at)
    return result


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """One box of one verdict in one picture, with the group it belongs to."""

    verdict: Verdict
    picture: JudgedPicture
    finding: Finding
    group: str
    other_group: str | None


def _samples_of(verdicts: Iterable[Verdict]) -> list[_Sample]:
    """All samples with their groups: also those before the time asked for, for groups grow with the history."""
    groups, samples = Groups(), []
    for verdict in verdicts:
        for picture in verdict.pictures:
            group, other = groups.group_of(
                picture=picture.original_sha256, case_id=verdict.case_id, lon=verdict.lon, lat=verdict.lat
            )
            samples += [
                _Sample(verdict=verdict, picture=picture, finding=finding, group=group, other_group=other)
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


def _is_there(verdict: Verdict) -> bool | None:
    return {"right": True, "wrong": False, "unknown": None}[verdict.label_is]


def _judged_in(samples: Iterable[_Sample]) -> Mapping[str, Sequence[_Sample]]:
    """By picture, everything that anybody said of it."""
    judged: defaultdict[str, list[_Sample]] = defaultdict(list)
    for one in samples:
        judged[one.picture.original_sha256].append(one)
    return judged


class _Export:
    """The state of one export."""

    def __init__(
        self,
        *,
        desk: VerdictDesk,
        opening: Opening | None,
        judged: Mapping[str, Sequence[_Sample]],
        target: VerdictSet,
    ) -> None:
        self.target = target
        self.left_out: list[dict[str, Any]] = []
        self.by_label: Counter[str] = Counter()
        self.opened = 0
        self._desk = desk
        self._opening = opening
        self._judged = judged
        self._names: Counter[str] = Counter()
        self._last: tuple[str, Image] | None = None

    def take(self, one: _Sample) -> None:
        """Write one sample, or note why it is left out."""
        why = self._unfit(one)
        if why is not None:
            self._leave_out(one, why)
            return
        image = self._pixels(one.picture)
        look = one.picture.look
        if look is not None and (image.shape[1], image.shape[0]) != look.size_wh_px:
            self._leave_out(one, "the picture is not of the size that was looked at")
            return
        if not _touches(one.finding, image):
            self._leave_out(one, "the box lies outside of the picture")
            return
        subject = _thing(one.finding, _is_there(one.verdict))
        self._write(one, cut_sample(image, subject, self._others(one), all_known=look is not None))

    def _write(self, one: _Sample, cut: Cut) -> None:
        stem = self._stem(one.verdict.case_number, one.picture.original_sha256)
        facts = self._facts(one) | _proposal(one.finding, cut)
        if _is_there(one.verdict) is None:
            facts["why"] = "the verdict does not tell whether the label is right"
            self.target.add_uncertain(stem, leaving_jpeg(cut.image_bgr, quality=JPEG_QUALITY), facts)
            return
        self.by_label.update(thing.label for thing in cut.things)
        self.target.add(stem, _side(one.group), cut, facts)

    def take_near_miss(self, near: KeptNearMiss) -> None:
        """Write one sighting that waits for a label; its picture was redacted when it was kept."""
        mine = next(finding for finding in near.look.findings if finding.mine)
        facts = {
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
            "captured_at": _iso(near.seen_at),
            "original_sha256": near.source_sha256,
            "redacted": True,
        }
        stem = self._stem(f"near-{near.label}", near.picture_sha256)
        self.target.add_uncertain(stem, self._desk.picture(near.picture_sha256), facts)

    def _unfit(self, one: _Sample) -> str | None:
        """Why a sample cannot be used, before its picture is opened; None if it can."""
        if one.finding.label not in LABELS:
            return "the label is not one of the models'"
        left, top, right, bottom = one.finding.box_xyxy_px
        if right - left < 1 or bottom - top < 1:
            return "the box has no area"
        if one.other_group is not None and _side(one.group) != _side(one.other_group):
            return "it would show the same ground on two sides of the split"
        if self._opening is None and covered_share(one.finding.box_xyxy_px, _hidden(one)) > _MOST_HIDDEN:
            return "hidden by redaction"
        return None

    def _others(self, one: _Sample) -> list[Thing]:
        """What else the picture shows: with the verdicts on it where there are any, unjudged where not."""
        others, spoken_for = [], [one.finding]
        for other in self._judged[one.picture.original_sha256]:
            if other is not one and other.finding.label in LABELS and _has_area(other.finding):
                others.append(_thing(other.finding, _is_there(other.verdict)))
                spoken_for.append(other.finding)
        findings = () if one.picture.look is None else one.picture.look.findings
        others += [
            _thing(finding, None)
            for finding in findings
            if finding.label in LABELS
            and _has_area(finding)
            and not any(_is_same(finding, already) for already in spoken_for)
        ]
        return others

    def _pixels(self, picture: JudgedPicture) -> Image:
        """The picture's pixels as displayed; several boxes of one picture open it once."""
        if self._last is None or self._last[0] != picture.original_sha256:
            self._last = (picture.original_sha256, self._read(picture))
        return self._last[1]

    def _read(self, picture: JudgedPicture) -> Image:
        if self._opening is None:
            data = np.frombuffer(self._desk.picture(picture.redacted_sha256), np.uint8)
            return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        path = self._desk.open_original(
            picture.original_sha256, picture.extension, by=self._opening.by, reason=self._opening.reason
        )
        self.opened += 1
        return read_frame(path).image_bgr

    def _stem(self, name: str, sha256: str) -> str:
        stem = f"{name}-{sha256[:8]}"
        self._names[stem] += 1
        return stem if self._names[stem] == 1 else f"{stem}-{self._names[stem]}"

    def _leave_out(self, one: _Sample, why: str) -> None:
        row = {"why": why, "case_number": one.verdict.case_number, "verdict": one.verdict.verdict}
        row |= {"label": one.finding.label, "original_sha256": one.picture.original_sha256}
        self.left_out.append(row)

    def _facts(self, one: _Sample) -> dict[str, Any]:
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
            "decided_at": _iso(verdict.at),
            "confidence": round(one.finding.confidence, 4),
            "model": one.finding.model or None,
            "model_sha256": one.finding.model_sha256 or None,
            "flight_id": picture.flight_id,
            "captured_at": _iso(picture.captured_at),
            "original_sha256": picture.original_sha256,
            "redacted": self._opening is None,
            "surroundings_known": look is not None,
        }


def _proposal(finding: Finding, cut: Cut) -> dict[str, Any]:
    """The thing itself in pixels of its cut-out; its outline is the model's, for nobody drew one."""
    left, top = cut.window_xyxy_px[:2]
    box = finding.box_xyxy_px
    outline = finding.polygon_px
    return {
        "box_xyxy_px": [round(side - (left, top)[axis % 2], 1) for axis, side in enumerate(box)],
        "polygon_px": None if outline is None else [[round(x - left, 1), round(y - top, 1)] for x, y in outline],
    }


def _thing(finding: Finding, is_there: bool | None) -> Thing:
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
    return first.label == second.label and overlap(first.box_xyxy_px, second.box_xyxy_px) >= _SAME_BOX


def _touches(finding: Finding, image: Image) -> bool:
    left, top, right, bottom = finding.box_xyxy_px
    height, width = image.shape[:2]
    across, down = min(right, float(width)) - max(left, 0.0), min(bottom, float(height)) - max(top, 0.0)
    return across >= 1 and down >= 1


def _hidden(one: _Sample) -> list[tuple[float, float, float, float]]:
    """The parts of the picture that redaction took away, as far as the store knows what was found."""
    findings = (one.finding,) if one.picture.look is None else one.picture.look.findings
    return hidden_zones((finding.label, finding.box_xyxy_px) for finding in findings)


def _side(group: str) -> Split:
    return split_of(group, Fractions())


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _card(*, redacted: bool) -> dict[str, Any]:
    return {
        "name": SOURCE,
        "what": "Cut-outs that reviewers confirmed or rejected; the manifest says per picture what was judged.",
        "viewpoint": "aerial",
        "redacted": redacted,
        "outlines": "Boxes and outlines are the model's; reviewers judged the thing, and drew nothing.",
        "licence": "none: pictures of this city, to train with inside it; the originals' rules of access hold",
    }


def _note(
    desk: VerdictDesk,
    result: ExportResult,
    opening: Opening | None,
    since_at: datetime | None,
    until_at: datetime | None,
) -> None:
    desk.note_export(
        by="system:command-line" if opening is None else opening.by.name,
        why="training set of verdicts" if opening is None else opening.reason,
        data={
            "since_at": _iso(since_at),
            "until_at": _iso(until_at),
            "redacted": result.redacted,
            "pictures": result.pictures,
            "originals_opened": result.originals_opened,
            "manifest_sha256": result.manifest_sha256,
        },
    )
