"""What a flight can know of the cases around it before it reports: their places, and whether it may mean one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import ENDED_STATES
from dispatch_api.cases.neighbours import Nearby, look_around, spot_of_observation
from dispatch_api.cases.observation import Covariance, Observation
from dispatch_api.cases.records import spot_of
from dispatch_api.store import Store
from dispatch_api.store.schema import case, observation
from geo.identity.rules import IdentityRules, load_rules


@dataclass(frozen=True, kw_only=True)
class KnownPlace:
    """The place of a case that has not ended.

    Attributes:
        family: The family of its matter.
        lon: Degrees east, WGS 84.
        lat: Degrees north.
        covariance_m2: ((east-east, east-north), (north-east, north-north)), m².
    """

    family: str
    lon: float
    lat: float
    covariance_m2: Covariance


class KnownCases:
    """Answers from a store; changes nothing."""

    def __init__(self, store: Store, matters: Matters, *, identity: IdentityRules | None = None) -> None:
        """Read from a store, by the matters of its city and its rules of identity; None for the default ones."""
        self._store = store
        self._matters = matters
        self._identity = identity or load_rules()

    def family_of(self, matter: str) -> str:
        """The family of a matter.

        Raises:
            InvalidRequest: There is no such matter.
        """
        return self._matters[matter].family

    def places(self, bounds: tuple[float, float, float, float], *, but_flight: str) -> Sequence[KnownPlace]:
        """Cases in a box (west, south, east, north in degrees) that some flight other than `but_flight` saw."""
        west, south, east, north = bounds
        elsewhere = select(observation.c.case_id).where(observation.c.flight_id != but_flight)
        query = (
            select(case)
            .where(case.c.lon.between(west, east), case.c.lat.between(south, north))
            .where(case.c.state.not_in([state.value for state in ENDED_STATES]), case.c.case_id.in_(elsewhere))
            .order_by(case.c.seq)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [
            KnownPlace(family=row.family, lon=row.lon, lat=row.lat, covariance_m2=spot_of(row).covariance_m2)
            for row in rows
        ]

    def is_doubtful(self, seen: Observation) -> bool:
        """Whether it may be the same as a known case, but not surely so, or the same as one of several."""
        family = self.family_of(seen.matter)
        window = self._matters.windows[family]
        with self._store.read() as connection:
            near = Nearby(connection, [spot_of_observation(seen)], self._identity).cases(0, family=family)
            around = look_around(connection, seen, near=near, window=window, rules=self._identity)
        return len(around.same) + len(around.perhaps) > (1 if around.same else 0)
