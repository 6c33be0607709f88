"""Which pictures cannot be trusted, because they or those they are made from are damaged."""

from __future__ import annotations

from av.video.frame import VideoFrame

_LONGEST_S = 3.0
"""Some streams have no key pictures but are refreshed bit by bit; after so long the damage has been painted over."""


class Damage:
    """Remembers damage until the next key picture."""

    def __init__(self) -> None:
        self._after_s: float | None = None

    def began(self, after_s: float) -> None:
        """Hear that something was lost: pictures later than this time cannot be trusted."""
        self._after_s = after_s

    def covers(self, picture: VideoFrame, media_time_s: float) -> bool:
        """Whether a picture, or one that it may be made from, is damaged.

        Args:
            picture: The next decoded picture in order of display.
            media_time_s: Its time.
        """
        if picture.is_corrupt:
            self._after_s = media_time_s
            return True
        if self._after_s is None or media_time_s <= self._after_s:
            return False
        if picture.key_frame or media_time_s > self._after_s + _LONGEST_S:
            self._after_s = None
            return False
        return True
