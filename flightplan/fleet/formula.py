"""How long a city takes, by formula: the estimate to hold a plan against, and to size a fleet before there is one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flightplan.errors import CannotPlan


@dataclass(frozen=True, kw_only=True)
class CityFormula:
    """The figures of one way of flying; everything follows from them.

    Attributes:
        height_m: Above ground.
        diagonal_fov_deg: Of the camera, pictures 4 : 3.
        sidelap: Overlap of neighbouring rows.
        speed_m_s: On rows.
        endurance_s: Rated.
        reserve: Share of it that stays in the battery.
        charge_s: In the dock between two flights.
        swap_s: In the dock between two flights, besides.
        row_length_m: Of one row.
        turn_s: From one row to the next.
        overhead_s: Climb and landing, with what the drone does before and after.
        transit_m: From the dock to the rows, one way; None for the mean way in a circle round each dock.
    """

    height_m: float = 120.0
    diagonal_fov_deg: float = 84.0
    sidelap: float = 0.6
    speed_m_s: float = 15.0
    endurance_s: float = 2_280.0
    reserve: float = 0.25
    charge_s: float = 1_800.0
    swap_s: float = 120.0
    row_length_m: float = 1_500.0
    turn_s: float = 7.0
    overhead_s: float = 114.0
    transit_m: float | None = None

    @property
    def row_spacing_m(self) -> float:
        """Between rows: the picture's width, four fifths of its diagonal, less the overlap."""
        return 2 * self.height_m * math.tan(math.radians(self.diagonal_fov_deg) / 2) * 0.8 * (1 - self.sidelap)

    @property
    def turn_factor(self) -> float:
        """Share of the time over the rows that is not spent turning."""
        along_s = self.row_length_m / self.speed_m_s
        return along_s / (along_s + self.turn_s)

    @property
    def cycle_s(self) -> float:
        """From one take-off to the next, each flight as long as the battery allows."""
        return self.endurance_s * (1 - self.reserve) + self.charge_s + self.swap_s

    def productive_s(self, *, area_m2: float, docks: int) -> float:
        """Time over the rows in one flight, each dock having its share of the area around it."""
        mean_m = 2 / 3 * math.sqrt(area_m2 / docks / math.pi)
        transit_m = mean_m if self.transit_m is None else self.transit_m
        return self.endurance_s * (1 - self.reserve) - self.overhead_s - 2 * transit_m / self.speed_m_s

    def seconds(self, *, area_m2: float, docks: int) -> float:
        """From the first take-off until the last drone is ready again, all docks alike.

        Raises:
            CannotPlan: The docks are so few that the way takes all of the battery.
        """
        productive_s = self.productive_s(area_m2=area_m2, docks=docks)
        if productive_s <= 0:
            raise CannotPlan(problem="the way from the docks takes all of the battery", remedy="Give more docks")
        area_per_flight_m2 = self.speed_m_s * self.row_spacing_m * productive_s * self.turn_factor
        return area_m2 / docks / area_per_flight_m2 * self.cycle_s

    def days(self, *, area_m2: float, docks: int, hours_per_day: float = 10.0) -> float:
        """The same in days of so many hours."""
        return self.seconds(area_m2=area_m2, docks=docks) / (hours_per_day * 3_600)
