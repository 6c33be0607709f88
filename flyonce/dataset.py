"""Reviewers' verdicts out of a store and into a training set: what the store knows joined with what pictures show."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dispatch_api.accounts.model import Actor
from dispatch_api.store import Store
from dispatch_api.verdicts.model import JudgedPicture, KeptNearMiss
from dispatch_api.verdicts.service import VerdictDesk
from flyonce.dataset_facts import card_of, facts_of, facts_of_near_miss, iso, proposal_of
from flyonce.dataset_samples import (
    Sample,
    is_there,
    judged_in,
    others_in,
    samples_of,
    side_of,
    thing_of,
    touches,
    unfit,
)
from flyonce.os_user import at_command_line
from vision.pixels import Image
from vision.redaction import leaving_jpeg
from vision.sources.photos import read_frame
from vision.training.verdict_set import JPEG_QUALITY, VerdictSet, written_whole
from vision.training.verdicts import Cut, cut_sample


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
    samples = samples_of(desk.verdicts(until_at=until_at))
    chosen = [one for one in samples if since_at is None or one.verdict.at >= since_at]
    waiting = desk.near_misses(since_at=since_at, until_at=until_at)
    if not chosen and not waiting:
        raise NothingToExport(
            f"store {store.shown_url}: no reviewer's verdict with a picture and no sighting near its threshold"
        )
    on_total(len(chosen) + len(waiting))
    with written_whole(out) as folder:
        work = _Export(desk=desk, opening=opening, judged=judged_in(samples), target=VerdictSet(folder))
        for one in chosen:
            work.take(one)
            on_sample()
        for near in waiting:
            work.take_near_miss(near)
            on_sample()
        work.target.finish(left_out=work.left_out, card=card_of(redacted=opening is None))
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


class _Export:
    """The state of one export."""

    def __init__(
        self,
        *,
        desk: VerdictDesk,
        opening: Opening | None,
        judged: Mapping[str, Sequence[Sample]],
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

    def take(self, one: Sample) -> None:
        """Write one sample, or note why it is left out."""
        why = unfit(one, redacted=self._opening is None)
        if why is not None:
            self._leave_out(one, why)
            return
        image = self._pixels(one.picture)
        look = one.picture.look
        if look is not None and (image.shape[1], image.shape[0]) != look.size_wh_px:
            self._leave_out(one, "the picture is not of the size that was looked at")
            return
        if not touches(one.finding, image):
            self._leave_out(one, "the box lies outside of the picture")
            return
        subject = thing_of(one.finding, is_there(one.verdict))
        self._write(one, cut_sample(image, subject, others_in(one, self._judged), all_known=look is not None))

    def _write(self, one: Sample, cut: Cut) -> None:
        stem = self._stem(one.verdict.case_number, one.picture.original_sha256)
        facts = facts_of(one, redacted=self._opening is None) | proposal_of(one.finding, cut)
        if is_there(one.verdict) is None:
            facts["why"] = "the verdict does not tell whether the label is right"
            self.target.add_uncertain(stem, leaving_jpeg(cut.image_bgr, quality=JPEG_QUALITY), facts)
            return
        self.by_label.update(thing.label for thing in cut.things)
        self.target.add(stem, side_of(one.group), cut, facts)

    def take_near_miss(self, near: KeptNearMiss) -> None:
        """Write one sighting that waits for a label; its picture was redacted when it was kept."""
        stem = self._stem(f"near-{near.label}", near.picture_sha256)
        self.target.add_uncertain(stem, self._desk.picture(near.picture_sha256), facts_of_near_miss(near))

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

    def _leave_out(self, one: Sample, why: str) -> None:
        row = {"why": why, "case_number": one.verdict.case_number, "verdict": one.verdict.verdict}
        row |= {"label": one.finding.label, "original_sha256": one.picture.original_sha256}
        self.left_out.append(row)


def _note(
    desk: VerdictDesk,
    result: ExportResult,
    opening: Opening | None,
    since_at: datetime | None,
    until_at: datetime | None,
) -> None:
    desk.note_export(
        by=at_command_line().name if opening is None else opening.by.name,
        why="training set of verdicts" if opening is None else opening.reason,
        data={
            "since_at": iso(since_at),
            "until_at": iso(until_at),
            "redacted": result.redacted,
            "pictures": result.pictures,
            "originals_opened": result.originals_opened,
            "manifest_sha256": result.manifest_sha256,
        },
    )
