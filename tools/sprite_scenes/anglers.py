"""Anglers and other people from straight above, of simple shapes: in a drone's picture a person is 10-30 px wide."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import bpy
from mathutils import Matrix, Vector

from sprite_scenes.stage import Colour, add_bmesh, add_mesh, ball, box, paint, rod, transform

SKIN: list[Colour] = [(0.55, 0.34, 0.24), (0.45, 0.27, 0.18), (0.62, 0.42, 0.32), (0.3, 0.17, 0.11)]
HAIR: list[Colour] = [(0.012, 0.01, 0.01), (0.03, 0.02, 0.015), (0.25, 0.24, 0.23), (0.06, 0.035, 0.02)]
HATS: list[Colour] = [
    (0.62, 0.52, 0.32),
    (0.75, 0.72, 0.65),
    (0.03, 0.03, 0.035),
    (0.08, 0.12, 0.3),
    (0.15, 0.2, 0.1),
    (0.55, 0.06, 0.06),
    (0.8, 0.8, 0.8),
]
SHIRTS: list[Colour] = [
    (0.75, 0.75, 0.75),
    (0.05, 0.08, 0.28),
    (0.6, 0.06, 0.06),
    (0.1, 0.13, 0.07),
    (0.02, 0.02, 0.022),
    (0.3, 0.31, 0.33),
    (0.75, 0.4, 0.05),
    (0.08, 0.3, 0.5),
    (0.45, 0.4, 0.3),
    (0.7, 0.68, 0.2),
    (0.12, 0.35, 0.2),
    (0.5, 0.2, 0.35),
]
TROUSERS: list[Colour] = [
    (0.03, 0.045, 0.09),
    (0.02, 0.02, 0.022),
    (0.25, 0.21, 0.14),
    (0.1, 0.1, 0.11),
    (0.12, 0.14, 0.08),
    (0.4, 0.38, 0.34),
]
UMBRELLAS: list[tuple[Colour, Colour]] = [
    ((0.05, 0.12, 0.35), (0.05, 0.12, 0.35)),
    ((0.08, 0.22, 0.1), (0.08, 0.22, 0.1)),
    ((0.6, 0.06, 0.06), (0.75, 0.75, 0.72)),
    ((0.05, 0.2, 0.55), (0.78, 0.78, 0.78)),
    ((0.02, 0.02, 0.022), (0.02, 0.02, 0.022)),
    ((0.7, 0.5, 0.08), (0.1, 0.35, 0.15)),
    ((0.55, 0.57, 0.6), (0.55, 0.57, 0.6)),
    ((0.2, 0.22, 0.12), (0.12, 0.15, 0.07)),
    ((0.75, 0.35, 0.05), (0.75, 0.35, 0.05)),
]


@dataclass(frozen=True, kw_only=True)
class Angler:
    """What was put on the stage: facing clockwise from the picture's top, and the width the camera has to take in."""

    facing_deg: float
    width_m: float
    seated: bool
    umbrella: bool


def _limb(points: list[tuple[float, float, float]], radius: float, material: bpy.types.Material) -> None:
    for start, end in pairwise(points):
        add_bmesh(rod(start, end, (radius, radius * 0.9)), material, "person", smooth=True)
        add_bmesh(ball(transform(end, (0, 0, 0), (radius * 2,) * 3), 2), material, "person", smooth=True)


def _head(rng: random.Random, at: tuple[float, float, float]) -> None:
    skin = paint(rng.choice(SKIN), 0.6)
    add_bmesh(ball(transform(at, (0, 0, 0), (0.18, 0.22, 0.24)), 3), skin, "person", smooth=True)
    wear = rng.random()
    if wear < 0.4:  # hair
        top = (at[0], at[1] - 0.015, at[2] + 0.02)
        add_bmesh(
            ball(transform(top, (0, 0, 0), (0.2, 0.225, 0.25)), 3, 0.05),
            paint(rng.choice(HAIR), 0.6),
            "person",
            smooth=True,
        )
        return
    colour = paint(rng.choice(HATS), 0.9)
    crown = (at[0], at[1] - 0.01, at[2] + 0.06)
    add_bmesh(ball(transform(crown, (0, 0, 0), (0.2, 0.24, 0.2)), 3), colour, "person", smooth=True)
    if wear < 0.7:  # the brim goes all around
        reach = rng.uniform(0.15, 0.24)
        low = (at[0], at[1], at[2] + 0.05)
        add_bmesh(rod(low, (low[0], low[1], low[2] + 0.03), (reach, reach * 0.7)), colour, "person", smooth=True)
    else:  # a peak in front
        add_bmesh(
            ball(transform((at[0], at[1] + 0.12, at[2] + 0.05), (0, 0, 0), (0.16, 0.18, 0.03)), 2),
            colour,
            "person",
            smooth=True,
        )


def _person(rng: random.Random, seated: bool, arms_out: bool) -> tuple[float, float, float]:
    """A person facing +y about the origin; returns where the right hand is."""
    shirt, trousers = paint(rng.choice(SHIRTS), 0.9, 0.15, 8.0), paint(rng.choice(TROUSERS), 0.9)
    skin, shoe = (
        paint(rng.choice(SKIN), 0.6),
        paint(rng.choice([(0.02, 0.02, 0.02), (0.5, 0.5, 0.5), (0.2, 0.12, 0.07)]), 0.7),
    )
    hips, shoulders = (0.48, 0.95) if seated else (0.92, 1.4)
    lean = rng.uniform(0.0, 0.16) if seated else rng.uniform(-0.02, 0.08)
    broad = rng.uniform(0.4, 0.5)
    trunk = (0.0, lean * 0.5, (hips + shoulders) / 2)
    add_bmesh(
        ball(transform(trunk, (-20 * lean * 5, 0, 0), (broad * 0.85, 0.28, shoulders - hips + 0.2)), 3),
        shirt,
        "person",
        smooth=True,
    )
    yoke = (0.0, lean, shoulders - 0.04)
    add_bmesh(ball(transform(yoke, (0, 0, 0), (broad, 0.24, 0.2)), 3), shirt, "person", smooth=True)
    _head(rng, (rng.uniform(-0.02, 0.02), lean + rng.uniform(0.0, 0.07), shoulders + 0.2))
    bare = rng.random() < 0.4
    hand = (0.0, 0.0, 0.0)
    for side in (-1, 1):
        shoulder = (side * broad * 0.46, lean, shoulders - 0.05)
        if arms_out:
            elbow = (side * (broad * 0.5 + 0.04), lean + rng.uniform(0.12, 0.22), shoulders - 0.25)
            hand = (side * rng.uniform(0.06, 0.2), lean + rng.uniform(0.34, 0.45), shoulders - rng.uniform(0.2, 0.35))
        else:
            swing = rng.uniform(-0.2, 0.25)
            elbow = (side * (broad * 0.5 + 0.06), lean + swing * 0.3, shoulders - 0.3)
            hand = (side * (broad * 0.5 + 0.05), lean + swing, shoulders - 0.55)
        _limb([shoulder, elbow], 0.055, shirt)
        _limb([elbow, hand], 0.042, skin if bare else shirt)
        add_bmesh(ball(transform(hand, (0, 0, 0), (0.09,) * 3), 2), skin, "person", smooth=True)
        if seated:
            knee = (side * rng.uniform(0.12, 0.24), 0.45, 0.5)
            foot = (knee[0] + side * rng.uniform(-0.03, 0.08), 0.45 + rng.uniform(-0.05, 0.3), 0.06)
        else:
            knee = (side * 0.11, rng.uniform(-0.05, 0.12), 0.5)
            foot = (side * rng.uniform(0.1, 0.17), rng.uniform(-0.18, 0.22), 0.05)
        _limb([(side * 0.1, 0.0, hips), knee, foot], 0.075, trousers)
        toe = (foot[0], foot[1] + 0.07, 0.05)
        add_bmesh(ball(transform(toe, (0, 0, 0), (0.1, 0.27, 0.1)), 2), shoe, "person", smooth=True)
    return hand


def _stool(rng: random.Random) -> None:
    colour = rng.choice([(0.05, 0.1, 0.3), (0.08, 0.2, 0.1), (0.02, 0.02, 0.02), (0.5, 0.08, 0.06), (0.3, 0.28, 0.22)])
    cloth = paint(colour, 0.9)
    wide = rng.uniform(0.36, 0.52)
    add_bmesh(box(transform((0, -0.05, 0.4), (0, 0, 0), (wide, wide, 0.03))), cloth, "other")
    for x in (-1, 1):
        for y in (-1, 1):
            leg = (x * wide * 0.5, y * wide * 0.5 - 0.05)
            add_bmesh(rod((*leg, 0.0), (*leg, 0.42), (0.012, 0.012)), paint((0.4, 0.4, 0.42), 0.3), "other")
    if rng.random() < 0.5:  # a back rest
        add_bmesh(box(transform((0, -0.05 - wide * 0.55, 0.65), (-15, 0, 0), (wide, 0.03, 0.4))), cloth, "other")


def _tackle(rng: random.Random) -> None:
    for _ in range(rng.randint(1, 3)):
        x, y = rng.choice([-1, 1]) * rng.uniform(0.45, 0.9), rng.uniform(-0.5, 0.5)
        if rng.random() < 0.55:  # a bucket
            colour = rng.choice(
                [(0.75, 0.75, 0.75), (0.05, 0.15, 0.5), (0.65, 0.06, 0.05), (0.05, 0.05, 0.05), (0.75, 0.55, 0.05)]
            )
            reach, high = rng.uniform(0.13, 0.18), rng.uniform(0.25, 0.35)
            add_bmesh(rod((x, y, 0), (x, y, high), (reach * 0.85, reach)), paint(colour, 0.5), "tackle", smooth=False)
            inner = paint(rng.choice([(0.06, 0.07, 0.06), (0.12, 0.14, 0.12), (0.02, 0.02, 0.02)]), 0.1)
            add_bmesh(rod((x, y, high), (x, y, high + 0.004), (reach * 0.88, reach * 0.88)), inner, "tackle")
        else:  # a tackle or cool box
            colour = rng.choice(
                [(0.08, 0.2, 0.1), (0.06, 0.12, 0.4), (0.75, 0.75, 0.76), (0.55, 0.1, 0.06), (0.05, 0.05, 0.05)]
            )
            size = (rng.uniform(0.3, 0.6), rng.uniform(0.22, 0.35), rng.uniform(0.2, 0.35))
            turn = rng.uniform(0, 180)
            add_bmesh(box(transform((x, y, size[2] / 2), (0, 0, turn), size)), paint(colour, 0.5), "tackle")
            lid = (size[0] * 0.8, size[1] * 0.15, 0.02)
            add_bmesh(box(transform((x, y, size[2] + 0.01), (0, 0, turn), lid)), paint((0.6, 0.6, 0.6), 0.5), "tackle")


def _rod(rng: random.Random, hand: tuple[float, float, float], line_m: float) -> float:
    """A rod in the hand or on a stand, with its line to the float; returns how far forward all of it reaches."""
    sway = rng.uniform(-0.35, 0.35)
    long = rng.uniform(2.4, 4.2)
    butt = Vector(hand) - Vector((sway * 0.35, 0.35, 0.08))
    tip = Vector(hand) + Vector((sway * long, math.sqrt(1 - sway * sway) * long * 0.95, long * rng.uniform(0.1, 0.3)))
    colour = paint(rng.choice([(0.02, 0.02, 0.02), (0.45, 0.06, 0.05), (0.6, 0.6, 0.6), (0.5, 0.4, 0.2)]), 0.3)
    add_bmesh(rod(tuple(butt), tuple(tip), (0.018, 0.007)), colour, "rod", smooth=True)
    reel = Vector(hand) + (tip - butt) * 0.02
    add_bmesh(
        ball(transform((reel.x, reel.y, reel.z - 0.06), (0, 0, 0), (0.09,) * 3), 2), paint((0.1, 0.1, 0.1), 0.3), "rod"
    )
    floats = (tip.x + sway * line_m, tip.y + line_m, 0.02)
    add_bmesh(rod(tuple(tip), floats, (0.0025, 0.0025)), paint((0.85, 0.87, 0.9), 0.3), "none")
    add_bmesh(ball(transform(floats, (0, 0, 0), (0.06,) * 3), 2), paint((0.8, 0.1, 0.03), 0.3), "none")
    return max(tip.y, floats[1])


def _umbrella(rng: random.Random) -> None:
    """An umbrella on a pole beside or behind the angler, so that part of the person stays in view."""
    reach = rng.uniform(0.6, 1.0)
    angle = math.radians(rng.choice([rng.uniform(195, 235), rng.uniform(305, 345), rng.uniform(235, 305)]))  # behind
    away = reach * rng.uniform(0.9, 1.2) + 0.1
    x, y = away * math.cos(angle), away * math.sin(angle)
    panels, first_second = rng.choice([6, 8, 8, 10]), rng.choice(UMBRELLAS)
    top, sag = rng.uniform(1.7, 2.1), rng.uniform(0.2, 0.35)
    tilt = Matrix.Translation((x, y, top)) @ Matrix.Rotation(
        math.radians(rng.uniform(0, 22)), 4, Vector((-y, x, 0)).normalized()
    )
    for panel in range(panels):
        a, b = 2 * math.pi * panel / panels, 2 * math.pi * (panel + 1) / panels
        mid = (a + b) / 2
        points = [Vector((0, 0, 0))]
        for share in (0.4, 0.75, 1.0):
            drop = -sag * share**1.8
            for bearing, pull in ((a, 1.0), (mid, 0.93 if share == 1.0 else 0.97), (b, 1.0)):
                r = reach * share * pull
                points.append(
                    Vector((r * math.cos(bearing), r * math.sin(bearing), drop - (0.02 if bearing == mid else 0.0)))
                )
        faces = [(0, 1, 2), (0, 2, 3), (1, 4, 5, 2), (2, 5, 6, 3), (4, 7, 8, 5), (5, 8, 9, 6)]
        add_mesh([tuple(tilt @ p) for p in points], faces, paint(first_second[panel % 2], 0.75), "umbrella")
    add_bmesh(
        rod((x, y, 0), tuple(tilt @ Vector((0, 0, 0.08))), (0.015, 0.012)), paint((0.5, 0.5, 0.5), 0.3), "umbrella"
    )


def angler(rng: random.Random, with_umbrella: bool, facing_deg: float) -> Angler:
    """Puts an angler with rod and tackle on the stage, feet or stool at the origin."""
    seated = with_umbrella or rng.random() < 0.65
    hand = _person(rng, seated, arms_out=True)
    if seated:
        _stool(rng)
    _tackle(rng)
    ahead = _rod(rng, hand, rng.uniform(0.3, 1.8))
    if rng.random() < 0.25:
        ahead = max(ahead, _rod(rng, (rng.choice([-1, 1]) * rng.uniform(0.5, 1.1), 0.5, 0.5), rng.uniform(0.3, 1.8)))
    if with_umbrella:
        _umbrella(rng)
    _face(facing_deg)
    return Angler(facing_deg=facing_deg, width_m=2 * (ahead + 0.4), seated=seated, umbrella=with_umbrella)


def passer_by(rng: random.Random, facing_deg: float) -> Angler:
    """Puts a person without any tackle on the stage, walking or standing."""
    _person(rng, seated=False, arms_out=rng.random() < 0.2)
    if rng.random() < 0.3:  # a backpack
        pack = paint(rng.choice(SHIRTS), 0.8)
        add_bmesh(ball(transform((0, -0.2, 1.2), (0, 0, 0), (0.32, 0.24, 0.45)), 3), pack, "person", smooth=True)
    _face(facing_deg)
    return Angler(facing_deg=facing_deg, width_m=6.0, seated=False, umbrella=False)


def _face(facing_deg: float) -> None:
    turn = Matrix.Rotation(math.radians(-facing_deg), 4, "Z")
    _each_mesh(lambda thing: setattr(thing, "matrix_world", turn @ thing.matrix_world))


def _each_mesh(act: Callable[[bpy.types.Object], None]) -> None:
    for thing in bpy.context.scene.objects:
        if thing.type == "MESH":
            act(thing)
