"""A flight under way for tests: things done one after another, each when it has come so far."""

from __future__ import annotations

from flightplan.flying.flight import FlightControl, Phase

# Simulated seconds per second. Whoever meddles with a flight must have time for it on a busy machine.
FAST, SLOW, CRAWL = 120.0, 0.5, 0.2


def slows_down_in_its_first_row(vehicle):
    """In the vehicle's own thread: a watcher may see its third photo long after it."""
    tell = vehicle.autopilot.on_photo

    def hook(photo):
        tell(photo)
        if photo.index == 3:
            vehicle.crafts[0].speedup = SLOW
            vehicle.autopilot.on_photo = tell

    vehicle.autopilot.on_photo = hook


def in_row(progress):
    """In the first row of `flight_builders.the_items`, where photos are taken."""
    return progress.phase is Phase.FLYING and progress.item == 6 and progress.photos >= 3


def on(phase):
    """When the flight is in a phase."""
    return lambda progress: progress.phase is phase


class Script:
    """Does one thing after another, each when the flight has come so far; keeps the phases and the answers."""

    def __init__(self, *steps, vehicle=None):
        self._vehicle = vehicle
        self.control = FlightControl()
        self.steps = list(steps)
        self.answers = []
        self.phases = []

    def watch(self, progress):
        if not self.phases or self.phases[-1] is not progress.phase:
            self.phases.append(progress.phase)
            if self._vehicle is not None and progress.phase is Phase.PAUSED:
                self._vehicle.crafts[0].speedup = FAST  # it only brakes
        if self.steps and self.steps[0][0](progress):
            _, act = self.steps.pop(0)
            answer = act()
            if answer is not None:
                self.answers.append(answer)
