"""Which pictures train, which choose thresholds and which measure: decided by a hash of their group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vision.training.sources import LAKE, STREET, Picture, unit_hash

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True)
class Fractions:
    """Shares of the groups that are kept out of training.

    Attributes:
        val: For choosing epochs and thresholds, 0..1.
        test: For the figures in the card, 0..1.
    """

    val: float = 0.15
    test: float = 0.15

    def __post_init__(self) -> None:
        if min(self.val, self.test) < 0 or self.val + self.test >= 1:
            raise ValueError("val and test must not be negative and must leave something to train on")


# Two thirds of the street pictures are distorted copies and always train, so more of the others are held out; the lake
# has only a dozen groups.
FRACTIONS: Mapping[str, Fractions] = {STREET: Fractions(val=0.2, test=0.3), LAKE: Fractions(val=0.15, test=0.25)}


def split_of(group: str, fractions: Fractions) -> Split:
    """Return the part that a group belongs to."""
    position = unit_hash(group)
    if position < fractions.test:
        return "test"
    return "val" if position < fractions.test + fractions.val else "train"


def _part(group: str, members: Sequence[Picture]) -> Split:
    if not all(member.may_train for member in members):
        return "test" if unit_hash(group) < 0.5 else "val"
    if not all(member.may_be_held_out for member in members):
        return "train"
    return split_of(group, FRACTIONS.get(members[0].source, Fractions()))


def divide(pictures: Iterable[Picture]) -> dict[Split, list[Picture]]:
    """Divide pictures so that no group has pictures in two parts.

    A group with a picture that may not be held out trains as a whole; one that may not train is halved by group into
    val and test.
    """
    groups: defaultdict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        groups[picture.group].append(picture)
    parts: dict[Split, list[Picture]] = {"train": [], "val": [], "test": []}
    for group, members in groups.items():
        parts[_part(group, members)].extend(members)
    return parts
