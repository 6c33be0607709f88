"""Which of a video's frames a ground sampler is asked about: on a slow flight the key pictures alone."""

from __future__ import annotations

from collections.abc import Callable

from vision.sampling.decision import Decision
from vision.sampling.ground_sampler import GroundSampler
from vision.sampling.view import GroundView

_LONGEST_BETWEEN_KEYS_S = 1.1
"""A candidate is looked at once a second: key pictures further apart than that cannot be all there is."""


class FrameChoice:
    """Asks about the frames of one video, in order of display.

    A key picture is decoded alone; any other one costs all pictures since the last key picture, a quarter of a look
    where these come once a second. While the ground passes slowly, the sampler is asked at key pictures only, about
    what would be due half-way to the next one: looks come as often as before, half a second sooner or later.
    """

    def __init__(
        self, sampler: GroundSampler, view_at: Callable[[float], GroundView | None], *, began_s: float = 0.0
    ) -> None:
        """Join the parts.

        Args:
            sampler: What decides; may be shared with other videos of the flight.
            view_at: What the camera shows at a `media_time_s`, also a later one; None where nobody knows.
            began_s: The sampler's clock when the video begins.
        """
        self._sampler = sampler
        self._view_at = view_at
        self._began_s = began_s
        self._key_s: float | None = None
        self._between_s: float | None = None
        self._only_keys = False

    def key(self, media_time_s: float) -> None:
        """Hear that the next frame to be asked about, of this time, is a key picture."""
        if self._key_s is not None and media_time_s > self._key_s:
            self._between_s = media_time_s - self._key_s
        self._key_s = media_time_s
        self._only_keys = self._are_enough(media_time_s)

    def skips(self, media_time_s: float) -> bool:
        """Whether there is no need to ask about a frame."""
        if self._only_keys and self._key_s is not None and self._between_s is not None:
            # A key picture that does not come in time is not waited for.
            return media_time_s != self._key_s and media_time_s < self._key_s + 1.5 * self._between_s
        return self._began_s + media_time_s < self._sampler.next_time_s

    def decide(self, media_time_s: float, view: GroundView) -> Decision:
        """Whether the network ought to see the frame of this time, which shows this; a yes counts as seen."""
        until = None
        if self._only_keys and media_time_s == self._key_s and self._between_s is not None:
            half_way_s = media_time_s + self._between_s / 2
            later = self._view_at(half_way_s)
            until = None if later is None else (self._began_s + half_way_s, later)
        return self._sampler.decide(self._began_s + media_time_s, view, until=until)

    def _are_enough(self, media_time_s: float) -> bool:
        if self._between_s is None or self._between_s > _LONGEST_BETWEEN_KEYS_S:
            return False
        here, there = self._view_at(media_time_s), self._view_at(media_time_s + self._between_s)
        return here is not None and there is not None and self._sampler.passes_slowly(here, there)
