"""How far one flight's places lie off those of known cases: told by the cases that it sees again."""

from __future__ import annotations

from dispatch_api.cases.known import KnownCases
from geo.identity import IdentityRules, Thing, offset_from_known
from geo.position import Fix

# Cases this far around what a flight saw are asked for, in degrees: some 50 m.
_AROUND_DEG = 5e-4
# The offset is told anew whenever so many more things are known.
_GROWTH = 1.5


class FlightOffset:
    """Learns the offset while the flight goes on."""

    def __init__(self, known: KnownCases | None, *, flight_id: str, rules: IdentityRules) -> None:
        """Begin with none.

        Args:
            known: The cases of the store; None where nothing is known.
            flight_id: The flight.
            rules: When sightings are of one thing.
        """
        self._known = known
        self._flight_id = flight_id
        self._rules = rules
        self._seen: dict[int, tuple[str, Fix]] = {}
        self._due = rules.align_matches
        self.offset_m: tuple[float, float] = (0.0, 0.0)
        self.told = False

    def note(self, thing: Thing, matter: str) -> None:
        """Learn of one thing that counts, or of its better place."""
        if self._known is None:
            return
        self._seen[thing.thing_id] = (self._known.family_of(matter), thing.fix)
        if len(self._seen) >= self._due:
            self._due = round(len(self._seen) * _GROWTH) + 1
            self.tell()

    def tell(self) -> None:
        """Tell the offset from all that was noted; where too little is known of it, it stays as it was."""
        if self._known is None or len(self._seen) < self._rules.align_matches:
            return
        lons, lats = [fix.lon for _, fix in self._seen.values()], [fix.lat for _, fix in self._seen.values()]
        bounds = (
            min(lons) - _AROUND_DEG,
            min(lats) - _AROUND_DEG,
            max(lons) + _AROUND_DEG,
            max(lats) + _AROUND_DEG,
        )
        places = self._known.places(bounds, but_flight=self._flight_id)
        known = [
            (
                place.family,
                Fix(
                    lon=place.lon,
                    lat=place.lat,
                    alt_m=0.0,
                    covariance_m2=place.covariance_m2,
                    height_source="case",
                    yaw_source="case",
                ),
            )
            for place in places
        ]
        found = offset_from_known(list(self._seen.values()), known, self._rules)
        if found is not None:
            self.offset_m, self.told = found, True
