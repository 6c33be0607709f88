"""Anglers and other people put on the sprite stage, from the shapes that rendered scenes use too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sprite_scenes.stage import add_solid
from vision.training.scenes import gear, people


@dataclass(frozen=True, kw_only=True)
class Angler:
    """What was put on the stage: facing clockwise from the picture's top, and the width the camera has to take in."""

    facing_deg: float
    width_m: float
    seated: bool
    umbrella: bool


def angler(rng: np.random.Generator, with_umbrella: bool, facing_deg: float) -> Angler:
    """Puts an angler with rod and tackle on the stage, feet or stool at the origin."""
    turn = (0.0, 0.0, -facing_deg)
    seated = bool(with_umbrella or rng.random() < 0.65)
    add_solid(people.person(rng, "sitting" if seated else "standing", arms_out=True).moved(turn_deg=turn), "person")
    if seated:
        add_solid(gear.stool(rng).moved(turn_deg=turn), "other")
    ahead = 0.0
    for number in range(1 + (rng.random() < 0.25)):
        hand = (0.1, 0.35, 0.65 if seated else 1.0) if number == 0 else (rng.choice([-1, 1]) * 0.8, 0.5, 0.5)
        rod = gear.fishing_rod(rng, hand)
        ahead = max(ahead, float(rod.vertices_m[:, 1].max()))
        add_solid(rod.moved(turn_deg=turn), "rod")
    for _ in range(rng.integers(1, 4)):
        thing = gear.bucket(rng) if rng.random() < 0.55 else gear.tackle_box(rng)
        at = (rng.choice([-1, 1]) * rng.uniform(0.45, 0.9), rng.uniform(-0.5, 0.5), 0.0)
        add_solid(thing.moved(turn_deg=(0, 0, rng.uniform(0, 180))).moved(at).moved(turn_deg=turn), "tackle")
    if with_umbrella:  # beside or behind, so that part of the person stays in view
        at = (rng.choice([-1, 1]) * rng.uniform(0.6, 0.9), -rng.uniform(0.3, 0.8), 0.0)
        add_solid(gear.umbrella(rng).moved(at).moved(turn_deg=turn), "umbrella")
    return Angler(facing_deg=facing_deg, width_m=2 * (ahead + 0.6), seated=seated, umbrella=with_umbrella)


def passer_by(rng: np.random.Generator, facing_deg: float) -> Angler:
    """Puts a person without any tackle on the stage, walking or standing."""
    posture: people.Posture = "walking" if rng.random() < 0.6 else "standing"
    add_solid(people.person(rng, posture).moved(turn_deg=(0.0, 0.0, -facing_deg)), "person")
    return Angler(facing_deg=facing_deg, width_m=6.0, seated=False, umbrella=False)
