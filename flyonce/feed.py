"""What feeds an analysis, whatever it is: a name, some words, and material."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flyonce.looks import Problem
from flyonce.material import Material
from flyonce.tools import Tools
from geo.camera import Camera


class FeedError(Exception):
    """What was named cannot be analysed: one sentence with the remedy."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How an operator wants material read.

    Attributes:
        telemetry: Poses of the videos, in their order; empty to take what lies beside them.
        camera: The videos' camera.
        offset_s: What the telemetry's clock shows at the first frame; `auto` finds it from how the picture moved.
        watch: Wait for new photos.
        for_s: End of a stream or a watch.
    """

    telemetry: tuple[Path, ...] = ()
    camera: Camera | None = None
    offset_s: float | Literal["auto"] | None = None
    watch: bool = False
    for_s: float | None = None


Progress = Callable[[float, float | None], None]
"""Called with how much of how much is done: photos, or seconds of video; None for a total that nobody knows."""


class Feed(ABC):
    """Material of one flight, ready to be analysed.

    Attributes:
        flight_id: A name for the flight, the same for the same files.
        words: What it is, for people.
        refused: What was named but cannot be used, with the reason.
        endless: Whether it goes on until somebody ends it.
    """

    flight_id: str
    words: str
    endless: bool = False
    refused: tuple[Problem, ...] = ()

    @abstractmethod
    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        """What the chain is fed with."""

    def stop(self) -> None:
        """End it, where it would go on; whatever was seen is finished."""
        return
