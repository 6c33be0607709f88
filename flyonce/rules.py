"""The parts of the table from labels to matters: each is a frozen value that refuses what makes no sense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from geo.zones import ZONE_KINDS

MOST_CLIP_S = 120.0
"""A longer clip would be a film, and every picture of its redacted copy goes through the detector."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """When a thing counts: found in `min_frames` pictures, and in `min_hit_share` of those that looked there."""

    min_frames: int = 2
    min_hit_share: float = 0.34

    def __post_init__(self) -> None:
        if self.min_frames < 1 or not 0 <= self.min_hit_share <= 1:
            raise ValueError("min_frames must be at least 1 and min_hit_share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """At most `distance_m` from a zone of one of `kinds`, or from its edge."""

    kinds: tuple[str, ...]
    distance_m: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", _names(self.kinds))
        if not self.kinds or self.distance_m < 0:
            raise ValueError("needs at least one zone kind and a distance_m of 0 or more")
        _check_kinds(self.kinds)


@dataclass(frozen=True, kw_only=True)
class StayRule:
    """How long a thing must stay where it is; see docs/matters.md.

    Attributes:
        seconds: From the first to the last sighting at the same place.
        min_frames: Pictures that show it within that time.
        gone_after_looks: This many looks in a row that show the place without the thing end a stay.
        slower_than_m_s: A thing shown to move faster than this passes; it does not stay.
    """

    seconds: float
    min_frames: int = 2
    gone_after_looks: int = 2
    slower_than_m_s: float = 0.4

    def __post_init__(self) -> None:
        if self.seconds < 0 or self.min_frames < 1 or self.gone_after_looks < 1 or self.slower_than_m_s <= 0:
            raise ValueError("seconds may not be negative, min_frames, gone_after_looks and speed must be positive")


@dataclass(frozen=True, kw_only=True)
class PermanentWater:
    """Which water is no finding: what lies in zones of `kind`, grown by `grow_m` and by the position's error."""

    kind: str = "permanent_water"
    labels: tuple[str, ...] = ("standing_water",)
    grow_m: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _names(self.labels))
        _check_kinds((self.kind,))
        if self.grow_m < 0:
            raise ValueError("grow_m must not be negative")


@dataclass(frozen=True, kw_only=True)
class FalseAlarms:
    """Ground that is known to deceive: zones of `kind`, grown by `grow_m` and by the position's error."""

    kind: str = "false_alarm_mask"
    grow_m: float = 0.0

    def __post_init__(self) -> None:
        _check_kinds((self.kind,))
        if self.grow_m < 0:
            raise ValueError("grow_m must not be negative")


@dataclass(frozen=True, kw_only=True)
class WetLook:
    """When water is only a wet look; see docs/matters.md.

    Attributes:
        labels: Labels that are doubted.
        min_confidence: A surest look below this is a doubt.
        min_width_m: A mean width (twice the area by the length around) below this is a doubt.
        min_agreement: Outlines of two looks that share less of their union than this, in the median, are a doubt.
        min_hit_share: Found in a smaller share of the looks at its place: a doubt.
        drop_at: So many doubts, and the thing is dropped; with fewer a person reviews it.
    """

    labels: tuple[str, ...] = ()
    min_confidence: float = 0.0
    min_width_m: float = 0.0
    min_agreement: float = 0.0
    min_hit_share: float = 0.0
    drop_at: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _names(self.labels))
        shares = (self.min_confidence, self.min_agreement, self.min_hit_share)
        if not all(0 <= share <= 1 for share in shares) or self.min_width_m < 0 or self.drop_at < 1:
            raise ValueError("shares lie between 0 and 1, min_width_m is not negative, drop_at is 1 or more")


@dataclass(frozen=True, kw_only=True)
class LabelTraits:
    """What holds for a label wherever it is seen: `flat` things lie on the ground and have an outline there."""

    flat: bool = False


@dataclass(frozen=True, kw_only=True)
class Stay:
    """How long a thing was seen to stay.

    Attributes:
        seconds: From the first to the last sighting of its longest stay; None where pictures tell no time.
        frames: Pictures of that stay.
        moves: Whether it was shown to move faster than the rule's speed.
    """

    seconds: float | None
    frames: int
    moves: bool = False


StayOf = Callable[[StayRule], Stay]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the table: a label in a context is a matter.

    Attributes:
        id: Its name.
        label: The labels that it holds for.
        matter: Key of the matter.
        within: Inside, or at most so far from, zones of these kinds.
        near: The same, as a second condition.
        shore: At most so far from the edge of zones of these kinds, from inside as from outside.
        stay: How long it must stay there; None for no matter how long.
        unless_mapped: Holds only where none of these kinds of zone is mapped at all.
        min_area_m2: Least area on the ground.
        review: A person always decides.
        clip_s: Seconds of film to keep around what was found in a video, at least; 0 for none.
    """

    id: str
    label: tuple[str, ...]
    matter: str
    within: Nearness | None = None
    near: Nearness | None = None
    shore: Nearness | None = None
    stay: StayRule | None = None
    unless_mapped: tuple[str, ...] = ()
    min_area_m2: float = 0.0
    review: bool = False
    clip_s: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", _names(self.label))
        object.__setattr__(self, "unless_mapped", _names(self.unless_mapped))
        if not 0 <= self.clip_s <= MOST_CLIP_S:
            raise ValueError(f"clip_s is 0 to {MOST_CLIP_S:.0f} seconds, not {self.clip_s}")
        if not self.label:
            raise ValueError("needs at least one label")
        _check_kinds(self.unless_mapped)


def stays(rule: StayRule, stay: Stay) -> bool | None:
    """Whether a stay is long enough; None where no picture tells a time, so that only a person can say."""
    if stay.frames < rule.min_frames or stay.moves:
        return False
    return None if stay.seconds is None else stay.seconds >= rule.seconds


def _names(value: object) -> tuple[str, ...]:
    """One name, or a list of names."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"needs a name or a list of names, not {value!r}")
    return tuple(value)


def _check_kinds(kinds: Sequence[str]) -> None:
    unknown = [kind for kind in kinds if kind not in ZONE_KINDS]
    if unknown:
        raise ValueError(f"unknown kind of zone {', '.join(unknown)}; there are {', '.join(ZONE_KINDS)}")
