"""Putting a mission, with its fence and rally points, on a vehicle: send, read back, and compare."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import MissionRefused, ReadBackDiffers, VehicleArmed
from flightplan.link.link import Link, open_link
from flightplan.link.mavlink import MissionItem
from flightplan.link.mission_transfer import OnItem, Patience, clear, download_items, in_rounds, send_items
from flightplan.link.plan_on_wire import ListKind, PlanOnWire, plan_hash
from flightplan.mission.mission import Mission

__all__ = [
    "Held", "Patience", "Upload", "check_held", "clear", "download_items", "open_link", "send_items", "upload",
]  # fmt: skip

_HEARTBEAT_S = 2.5
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Held:
    """Proof that the vehicle was read and found to hold a plan; arming asks for it.

    Attributes:
        plan_hash: Of that plan, see `flightplan.link.plan_on_wire.plan_hash`.
        system_id: Of the vehicle.
    """

    plan_hash: str
    system_id: int


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A mission that the vehicle holds, read back and found the same.

    Attributes:
        items: Number of items, home's item included where the vehicle keeps one.
        fence_points: Corners of the fence.
        rally_points: Rally points.
        seconds: How long it took.
        resent: Items or counts that had to be sent again.
        plan_hash: Of what was sent and found.
    """

    items: int
    fence_points: int = 0
    rally_points: int = 0
    seconds: float
    resent: int
    plan_hash: str


def upload(
    link: Link, mission: Mission, on_progress: Progress | None = None, *, patience: Patience | None = None
) -> Upload:
    """Sends the mission, its fence and its rally points, reads all back and compares.

    What the mission does not have is cleared: an old fence or rally point must not outlive the plan it belonged to.

    Args:
        link: To the vehicle.
        mission: What it shall hold.
        on_progress: Called with (items done, items in all); sending and reading back count once each.
        patience: Time-outs and retries.

    Raises:
        NoAnswer: The vehicle stayed silent through every retry.
        MissionRefused: It answered with an error code.
        ReadBackDiffers: It holds something else than what was sent.
        SeveralVehicles: More than one is on this link, and none was chosen.
        SignatureNeeded: The vehicle signs its messages, and this link has no key.
        VehicleArmed: It may be flying; nothing was sent.
        LinkClosed: The connection broke.
    """
    link.require_commandable()
    link.drop_pending()
    if link.is_armed:
        # What was heard last may be from long ago.
        link.receive(("HEARTBEAT",), _HEARTBEAT_S)
    if link.is_armed:
        raise VehicleArmed
    patience = patience or Patience()
    began = time.monotonic()
    plan = PlanOnWire.of(mission, link.autopilot)
    count = _Count(2 * sum(len(items) for _, items in plan.lists()), on_progress)
    resent = sum(_send(link, kind, items, patience, count.of(items)) for kind, items in plan.lists())
    held = _compare(link, mission, plan, patience, count)
    return Upload(
        items=len(plan.mission),
        fence_points=len(plan.fence),
        rally_points=len(plan.rally),
        seconds=time.monotonic() - began,
        resent=resent,
        plan_hash=held.plan_hash,
    )


def check_held(link: Link, mission: Mission, *, patience: Patience | None = None) -> Held:
    """Reads what the vehicle holds, its fence and rally points too, and compares it with this mission.

    Raises:
        ReadBackDiffers: The vehicle holds another mission, fence or rally points, or none.
        NoAnswer: It stayed silent through every retry.
        MissionRefused: It answered with an error code.
    """
    return _compare(link, mission, PlanOnWire.of(mission, link.autopilot), patience or Patience(), _Count(0, None))


class _Count:
    """Items done, over several lists."""

    def __init__(self, total: int, on_progress: Progress | None) -> None:
        self._total = total
        self._on_progress = on_progress
        self._before = 0

    def of(self, items: tuple[MissionItem, ...]) -> OnItem:
        """Counts one list, after those before it."""
        before, self._before = self._before, self._before + len(items)

        def done(count: int) -> None:
            if self._on_progress is not None:
                self._on_progress(before + count, self._total)

        return done


def _send(link: Link, kind: ListKind, items: tuple[MissionItem, ...], patience: Patience, on_item: OnItem) -> int:
    try:
        return in_rounds(link, patience, lambda: send_items(link, items, patience=patience, kind=kind, on_item=on_item))
    except MissionRefused as refusal:
        if _has_no_such_list(kind, items, refusal):
            return 0
        raise


def _compare(link: Link, mission: Mission, plan: PlanOnWire, patience: Patience, count: _Count) -> Held:
    for kind, items in plan.lists():
        found = plan.differences(kind, _read(link, kind, items, patience, count.of(items)))
        if found:
            raise ReadBackDiffers(found)
    return Held(plan_hash=plan_hash(mission), system_id=link.vehicle_system)


def _read(
    link: Link, kind: ListKind, items: tuple[MissionItem, ...], patience: Patience, on_item: OnItem
) -> tuple[MissionItem, ...]:
    try:
        return in_rounds(link, patience, lambda: download_items(link, patience=patience, kind=kind, on_item=on_item))
    except MissionRefused as refusal:
        if _has_no_such_list(kind, items, refusal):
            return ()
        raise


def _has_no_such_list(kind: ListKind, items: tuple[MissionItem, ...], refusal: MissionRefused) -> bool:
    """Nothing was to be kept in a list that this vehicle does not have."""
    return kind is not ListKind.MISSION and not items and refusal.code == dialect.MAV_MISSION_UNSUPPORTED
