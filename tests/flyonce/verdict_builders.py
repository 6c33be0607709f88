"""A small city whose reviewers have said something: cases with pictures, confirmed and rejected."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dispatch_api.accounts.model import Account, Role
from dispatch_api.accounts.passwords import Passwords
from dispatch_api.accounts.service import create_account
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import load_matters
from dispatch_api.cases.observation import Evidence, Observation
from dispatch_api.cases.schemas import Change
from dispatch_api.cases.service import CaseDesk
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.evidence.looks import Finding, PictureLook
from dispatch_api.store import Store

SIZE_WH = (1200, 900)
MODEL_SHA = "ab" * 32
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HOME = (118.87, 28.97)
MATTERS = {"waste": "dumping.household", "standing_water": "waterlogging.road", "person": "fishing.reservoir"}


class City:
    """Cases that wait for review, and a reviewer."""

    def __init__(self, store: Store, folder: Path, chief: Account) -> None:
        matters = load_matters()
        routing = load_routing(matters=matters, departments=load_departments())
        self.now = NOON
        self.store, self.folder, self.chief = store, folder, chief
        self.intake = Intake(store, matters, routing, now=lambda: self.now)
        self.desk = CaseDesk(store, matters, routing, now=lambda: self.now)
        self._number = 0

    def case(self, label="waste", *, east_m=0.0, flight="flight-1", picture=None, **look):
        """A case of one picture that waits for a person; `look=None` as in older stores."""
        self._number += 1
        evidence = picture or a_picture(self.folder, f"P{self._number:04d}.jpg", label, **look)
        zones = ()
        if label == "person":
            zones = (
                ZoneFact(kind="reservoir_protection_1", code="Z1", name="一级保护区", probability=1.0),
                ZoneFact(kind="permanent_water", code="W1", name="水库", probability=1.0),
            )
        recorded = self.intake.record(
            Observation(
                key=f"o{self._number}",
                matter=MATTERS[label],
                label=label,
                confidence=0.7,
                lon=HOME[0] + east_m / 97_470.0,
                lat=HOME[1],
                covariance_m2=((2.0, 0.0), (0.0, 2.0)),
                first_seen_at=NOON,
                last_seen_at=NOON,
                flight_id=flight,
                zones=zones,
                evidence=(evidence,),
                review_required=True,
            )
        )
        assert recorded.state == "pending_review", recorded
        return recorded

    def confirm(self, recorded, *, hours=1.0):
        self._decide(recorded, Change(to="opened"), hours)

    def reject(self, recorded, *, code=None, reason="", hours=1.0):
        self._decide(recorded, Change(to="rejected", reason=reason, reason_code=code), hours)

    def _decide(self, recorded, change, hours):
        self.now += timedelta(hours=hours)
        self.desk.transition(recorded.case_id, change, by=self.chief)


def a_chief(store: Store, passwords: Passwords) -> Account:
    return create_account(store, "chief", "a-long-password", Role.CENTRE, passwords=passwords)


def a_finding(label="waste", box=(500.0, 400.0, 600.0, 480.0), **changes) -> Finding:
    defaults = {"confidence": 0.7, "model": "objects", "model_sha256": MODEL_SHA}
    return Finding(label=label, box_xyxy_px=box, **(defaults | changes))


def a_scene(seed=1, size_wh=SIZE_WH) -> np.ndarray:
    """Ground with some structure, so that a moved or painted pixel shows."""
    coarse = np.random.default_rng(seed).integers(60, 200, (size_wh[1] // 20, size_wh[0] // 20, 3), np.uint8)
    return cv2.resize(coarse, size_wh, interpolation=cv2.INTER_NEAREST)


def a_picture(
    folder: Path, name: str, label="waste", *, box=(500.0, 400.0, 600.0, 480.0), others=(), polygon=None, known=True
) -> Evidence:
    """Evidence whose original carries a place in its EXIF, and whose redacted copy is darker than the original."""
    seed = int(hashlib.sha256(name.encode()).hexdigest()[:6], 16)
    scene = a_scene(seed)
    path = folder / name
    exif = Image.Exif()
    exif[0x010F] = "CAMERA-MAKER"
    exif.get_ifd(0x8825)[1] = "N"
    Image.fromarray(scene[:, :, ::-1]).save(path, exif=exif, quality=95)
    mine = a_finding(label, box, mine=True, polygon_px=polygon)
    look = PictureLook(size_wh_px=SIZE_WH, ground_resolution_m=0.03, findings=(mine, *others))
    return Evidence(
        original_path=path,
        original_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        captured_at=NOON,
        boxes_xyxy_px=(box,),
        annotated_jpeg=_jpeg(scene // 2),
        redacted_jpeg=_jpeg(scene // 2),
        look=look if known else None,
    )


def without_look(evidence: Evidence) -> Evidence:
    return replace(evidence, look=None)


def _jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
