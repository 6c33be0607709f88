"""People of simple shapes, 1.5-1.85 m tall: standing, walking, sitting, crouching, bathing or at work."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from vision.training.scenes.solids import Colour, Rng, Solid, Vector, ball, box, joined, pick, rod

Posture = Literal["standing", "walking", "sitting", "crouching", "bathing", "working"]

SKIN: list[Colour] = [(0.55, 0.34, 0.24), (0.45, 0.27, 0.18), (0.62, 0.42, 0.32), (0.3, 0.17, 0.11)]
HAIR: list[Colour] = [(0.012, 0.01, 0.01), (0.03, 0.02, 0.015), (0.25, 0.24, 0.23), (0.06, 0.035, 0.02)]
HATS: list[Colour] = [
    (0.62, 0.52, 0.32), (0.75, 0.72, 0.65), (0.03, 0.03, 0.035), (0.08, 0.12, 0.3), (0.15, 0.2, 0.1),
    (0.55, 0.06, 0.06), (0.8, 0.8, 0.8),
]  # fmt: skip
SHIRTS: list[Colour] = [
    (0.75, 0.75, 0.75), (0.05, 0.08, 0.28), (0.6, 0.06, 0.06), (0.1, 0.13, 0.07), (0.02, 0.02, 0.022),
    (0.3, 0.31, 0.33), (0.75, 0.4, 0.05), (0.08, 0.3, 0.5), (0.45, 0.4, 0.3), (0.7, 0.68, 0.2), (0.12, 0.35, 0.2),
    (0.5, 0.2, 0.35),
]  # fmt: skip
TROUSERS: list[Colour] = [
    (0.03, 0.045, 0.09), (0.02, 0.02, 0.022), (0.25, 0.21, 0.14), (0.1, 0.1, 0.11), (0.12, 0.14, 0.08),
    (0.4, 0.38, 0.34),
]  # fmt: skip
SHOES: list[Colour] = [(0.02, 0.02, 0.02), (0.5, 0.5, 0.5), (0.2, 0.12, 0.07)]
VESTS: list[Colour] = [(0.8, 0.28, 0.02), (0.62, 0.75, 0.05)]
HELMETS: list[Colour] = [(0.8, 0.6, 0.03), (0.75, 0.08, 0.03), (0.8, 0.8, 0.8), (0.05, 0.2, 0.6)]

# hips and shoulders above the ground, metres, of a person of 1.72 m
HEIGHTS: dict[str, tuple[float, float]] = {"sitting": (0.48, 0.98), "crouching": (0.32, 0.8), "bathing": (0.12, 0.62)}


def person(rng: Rng, posture: Posture, *, arms_out: bool = False) -> Solid:
    """Return a person who faces +y, the feet (a bather's waterline) at the origin's height."""
    hips, shoulders = HEIGHTS.get(posture, (0.92, 1.42))
    lean = {"sitting": rng.uniform(0.0, 0.16), "crouching": 0.22, "working": rng.uniform(0.05, 0.35)}.get(
        posture, rng.uniform(-0.02, 0.08)
    )
    broad = rng.uniform(0.4, 0.5)
    skin, trousers = pick(rng, SKIN), pick(rng, TROUSERS)
    shirt = pick(rng, VESTS, 0.05) if posture == "working" else pick(rng, SHIRTS)
    if posture == "bathing" and rng.random() < 0.7:
        shirt = skin
    middle = (0.0, lean * 0.5, (hips + shoulders) / 2)
    parts = [
        ball((broad * 0.85, 0.28, shoulders - hips + 0.2), shirt, middle, (-100 * lean, 0, 0), detail=2),
        ball((broad, 0.24, 0.2), shirt, (0.0, lean, shoulders - 0.04), detail=1),
        _head(rng, (rng.uniform(-0.02, 0.02), lean + rng.uniform(0.0, 0.07), shoulders + 0.2), skin, posture),
    ]
    bare = posture == "bathing" or rng.random() < 0.4
    for side in (-1, 1):
        parts += _arm(rng, side, (broad, lean, shoulders), (shirt, skin if bare else shirt, skin), arms_out)
        if posture != "bathing":
            parts += _leg(rng, side, hips, posture, trousers)
    if posture in ("standing", "walking") and rng.random() < 0.25:  # a backpack
        parts.append(ball((0.32, 0.24, 0.45), pick(rng, SHIRTS), (0, -0.2, shoulders - 0.22), detail=1))
    return joined(parts).moved(size=rng.uniform(0.88, 1.08))


def _head(rng: Rng, at: Vector, skin: Colour, posture: Posture) -> Solid:
    parts = [ball((0.18, 0.22, 0.24), skin, at, detail=1)]
    wear = rng.random()
    if posture == "working":
        parts.append(ball((0.24, 0.29, 0.22), pick(rng, HELMETS, 0.05), (at[0], at[1], at[2] + 0.06), detail=2))
    elif wear < 0.45 or posture == "bathing":
        parts.append(ball((0.2, 0.225, 0.25), pick(rng, HAIR), (at[0], at[1] - 0.015, at[2] + 0.02), detail=1))
    else:
        hat = pick(rng, HATS)
        parts.append(ball((0.2, 0.24, 0.2), hat, (at[0], at[1] - 0.01, at[2] + 0.06), detail=1))
        if wear < 0.75:  # the brim goes all around
            reach, low = rng.uniform(0.15, 0.24), at[2] + 0.05
            parts.append(rod((at[0], at[1], low), (at[0], at[1], low + 0.03), (reach, reach * 0.7), hat, 10))
        else:  # a peak in front
            parts.append(box((0.15, 0.14, 0.02), hat, (at[0], at[1] + 0.16, at[2] + 0.05)))
    return joined(parts)


def _limb(points: list[Vector], radius: float, colour: Colour) -> list[Solid]:
    return [rod(start, end, (radius, radius * 0.85), colour, 6) for start, end in pairwise(points)]


def _arm(
    rng: Rng, side: int, frame: tuple[float, float, float], colours: tuple[Colour, Colour, Colour], arms_out: bool
) -> list[Solid]:
    broad, lean, shoulders = frame
    shoulder = (side * broad * 0.46, lean, shoulders - 0.05)
    if arms_out:
        elbow = (side * (broad * 0.5 + 0.04), lean + rng.uniform(0.12, 0.22), shoulders - 0.25)
        hand = (side * rng.uniform(0.06, 0.2), lean + rng.uniform(0.34, 0.45), shoulders - rng.uniform(0.2, 0.35))
    else:
        swing = rng.uniform(-0.2, 0.25)
        elbow = (side * (broad * 0.5 + 0.06), lean + swing * 0.3, shoulders - 0.3)
        hand = (side * (broad * 0.5 + 0.05), lean + swing, shoulders - 0.55)
    upper, lower, skin = colours
    return [*_limb([shoulder, elbow], 0.06, upper), *_limb([elbow, hand], 0.048, lower), ball((0.09,) * 3, skin, hand)]


def _leg(rng: Rng, side: int, hips: float, posture: Posture, trousers: Colour) -> list[Solid]:
    if posture == "sitting":
        knee = (side * rng.uniform(0.12, 0.24), 0.45, 0.5)
        foot = (knee[0] + side * rng.uniform(-0.03, 0.08), 0.45 + rng.uniform(-0.05, 0.3), 0.06)
    elif posture == "crouching":
        knee = (side * 0.2, 0.36, 0.42)
        foot = (side * 0.18, 0.02, 0.06)
    else:
        stride = 0.22 if posture == "walking" else 0.06
        knee = (side * 0.11, side * stride * 0.4, 0.5)
        foot = (side * rng.uniform(0.08, 0.17), side * stride * rng.uniform(0.6, 1.2), 0.05)
    toe = (foot[0], foot[1] + 0.07, 0.05)
    return [
        *_limb([(side * 0.1, 0.0, hips), knee, foot], 0.08, trousers),
        ball((0.1, 0.27, 0.1), pick(rng, SHOES), toe),
    ]
