"""Time stamps of a file made into seconds."""

from __future__ import annotations


class MediaClock:
    """Turns time stamps into seconds since the first picture, carried on over jumps."""

    def __init__(self, time_base_s: float, frame_interval_s: float) -> None:
        self._time_base_s = time_base_s
        self._frame_interval_s = frame_interval_s
        self._first_pts: int | None = None
        self._begins_at_s = 0.0
        self._latest_pts: int | None = None
        self.last_s = 0.0

    def stamps_in(self, seconds: float) -> int:
        """How far time stamps move on in a time."""
        return max(1, round(seconds / self._time_base_s))

    @property
    def started(self) -> bool:
        """Whether a picture has tied time stamps to seconds, at the beginning and after each jump."""
        return self._first_pts is not None

    @property
    def next_pts(self) -> int:
        """A time stamp for a packet that has none."""
        return 0 if self._latest_pts is None else self._latest_pts + self.stamps_in(self._frame_interval_s)

    def saw(self, pts: int) -> None:
        """Hear of a packet's time stamp."""
        self._latest_pts = pts

    def advance(self, pts: int) -> float:
        """The time of the next picture in order of display."""
        if self._first_pts is None:
            self._first_pts = pts
        self.last_s = max(self.last_s, self.time_of(pts))
        return self.last_s

    def time_of(self, pts: int) -> float:
        """Seconds since the first picture."""
        if self._first_pts is None:
            return self._begins_at_s
        return self._begins_at_s + (pts - self._first_pts) * self._time_base_s

    def jump(self) -> None:
        """Begin anew: the next picture follows the last one at the usual interval."""
        self._first_pts = None
        self._begins_at_s = self.last_s + self._frame_interval_s
