"""Why a reviewer rejects a case, as codes: a case without an offence may still show what the detector said."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

LabelIs = Literal["right", "wrong", "unknown"]
"""What a verdict says of the detector's label: the thing is there, it is not, or the verdict does not tell."""


class RejectionCode(StrEnum):
    """Why a case is rejected."""

    NOTHING_THERE = "nothing_there"
    LOOKALIKE = "lookalike"
    SHADOW_OR_REFLECTION = "shadow_or_reflection"
    WET_GROUND = "wet_ground"
    PERMANENT_WATER = "permanent_water"
    LAWFUL = "lawful"
    ALREADY_GONE = "already_gone"
    WRONG_PLACE = "wrong_place"
    UNCLEAR = "unclear"
    OTHER = "other"


REJECTION_NAMES: dict[RejectionCode, tuple[str, str]] = {
    RejectionCode.NOTHING_THERE: ("画面中没有此物", "Nothing of the kind is there"),
    RejectionCode.LOOKALIKE: ("外观相似的其他物体", "Something else that looks like it"),
    RejectionCode.SHADOW_OR_REFLECTION: ("阴影或反光", "A shadow or a reflection"),
    RejectionCode.WET_GROUND: ("地面潮湿，没有积水", "Wet ground, no standing water"),
    RejectionCode.PERMANENT_WATER: ("常年水体，不是积水", "Permanent water"),
    RejectionCode.LAWFUL: ("属实但不违规", "It is there, and it is allowed"),
    RejectionCode.ALREADY_GONE: ("属实但已处理", "It was there, and is dealt with"),
    RejectionCode.WRONG_PLACE: ("属实但位置有误", "It is there, but the place is wrong"),
    RejectionCode.UNCLEAR: ("看不清，无法判断", "The picture does not tell"),
    RejectionCode.OTHER: ("其他（请说明）", "Something else (say what)"),
}
"""Chinese and English words of each code."""

_WRONG = frozenset(
    {
        RejectionCode.NOTHING_THERE,
        RejectionCode.LOOKALIKE,
        RejectionCode.SHADOW_OR_REFLECTION,
        RejectionCode.WET_GROUND,
    }
)
_RIGHT = frozenset(
    {
        RejectionCode.PERMANENT_WATER,
        RejectionCode.LAWFUL,
        RejectionCode.ALREADY_GONE,
        RejectionCode.WRONG_PLACE,
    }
)
_JUDGED_BY_CONDUCT = frozenset({"person", "boat", "vehicle", "fishing_gear"})
"""Labels whose matters turn on what somebody does: rejecting such a case does not say that nobody is there."""


def label_after_rejection(code: RejectionCode | None, label: str) -> LabelIs:
    """What a rejection says of the detector's label.

    Args:
        code: The reviewer's code; None where only words were given, which then mean a false alarm, as most rejections
            do, except where the matter turns on somebody's conduct.
        label: What the detector called the thing.
    """
    if code in _WRONG:
        return "wrong"
    if code in _RIGHT:
        return "right"
    if code is None and label not in _JUDGED_BY_CONDUCT:
        return "wrong"
    return "unknown"
