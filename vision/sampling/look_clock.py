"""When to look, once somebody knows how the camera moved: the part that both samplers share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from vision.sampling.decision import Decision, Reason, SamplingStats
from vision.sampling.pace import Pace
from vision.sampling.passage import step_between_looks

# Shares of the picture: nearer looks than this are the same look again; further than this is moving.
_NEAREST_LOOKS = 0.1
_MOVING = 0.15
_STANDING = 0.05
# One question for every fiftieth of the picture is exact enough.
_QUESTION_EVERY = 0.02


class LookClock:
    """Turns motion and time into decisions and counts them."""

    def __init__(self, *, looks: int, pace: Pace) -> None:
        self._pace = pace
        self._least_step = min(_NEAREST_LOOKS, step_between_looks(looks))
        self._asked = 0
        self._by_reason: Counter[Reason] = Counter()
        self._last_look_s: float | None = None
        self._last_asked_s: float | None = None
        self.next_time_s = float("-inf")
        """Earliest time at which the answer may be a look."""

    @property
    def stats(self) -> SamplingStats:
        """What was counted so far."""
        return SamplingStats(asked=self._asked, looks=self._by_reason.total(), by_reason=dict(+self._by_reason))

    def judge(
        self,
        time_s: float,
        *,
        moved: float | None,
        advanced: float,
        watched: bool,
        attended: bool,
        ground_is_due: Callable[[], bool],
        ground_is_thin: Callable[[], bool],
    ) -> Decision:
        """Decide on one frame.

        Args:
            time_s: Its time.
            moved: Share of the picture that the ground moved since the last look; None where that is not known.
            advanced: The same since the last question.
            watched: Whether a candidate is in view.
            attended: Whether one of these wants a look.
            ground_is_due: Tells whether ground would leave the picture having been seen too rarely.
            ground_is_thin: Tells whether most ground in view was seen too rarely.

        Returns:
            The decision.
        """
        reason = self._reason(time_s, moved, attended, ground_is_due, ground_is_thin)
        decision = Decision(look=reason != "seen", reason=reason)
        self._asked += 1
        if decision.look:
            self._by_reason[reason] += 1
            if reason != "attended":  # it shows candidates, and says nothing of the other ground
                self._last_look_s = time_s
                moved = 0.0
        self.next_time_s = self._next_question_s(time_s, moved or 0.0, advanced, watched)
        self._last_asked_s = time_s
        return decision

    def take_back(self, reason: Reason) -> None:
        """Do not count a look that was wanted for this reason, for it came to nothing; want to be asked at once."""
        self._by_reason[reason] -= 1
        self.hurry()

    def hurry(self) -> None:
        """Want to be asked about the very next frame."""
        self.next_time_s = float("-inf")

    def _reason(
        self,
        time_s: float,
        moved: float | None,
        attended: bool,
        ground_is_due: Callable[[], bool],
        ground_is_thin: Callable[[], bool],
    ) -> Reason:
        pace, last_s = self._pace, self._last_look_s
        if last_s is None or moved is None or time_s < last_s:
            return "first"
        since_s = time_s - last_s
        if moved >= self._least_step and ground_is_due():
            return "ground"
        if since_s >= pace.max_blind_s and moved >= _MOVING:
            return "blind"
        if since_s >= pace.still_s and moved < _STANDING and ground_is_thin():
            return "still"
        if since_s >= pace.relook_s:
            return "relook"
        return "attended" if attended else "seen"

    def _next_question_s(self, time_s: float, moved: float, advanced: float, watched: bool) -> float:
        """Soon enough for the motion: half of the way to where a look may first be due, but no less than one step."""
        pace = self._pace
        wait_s = min(pace.max_skip_s, pace.attend_every_s) if watched else pace.max_skip_s
        if self._last_asked_s is not None and advanced > 0 and time_s > self._last_asked_s:
            way = max((self._least_step - moved) / 2, _QUESTION_EVERY)
            wait_s = min(wait_s, way / advanced * (time_s - self._last_asked_s))
        return time_s + wait_s if self._last_asked_s is not None else time_s
