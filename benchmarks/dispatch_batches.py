"""What a batch of sightings costs without HTTP, and what two choices in how it is written take off, in one run.

    python benchmarks/dispatch_batches.py [--batches 40] [--size 32] [--before 100] [--postgresql URL]

Batches of new cases and of sightings that join cases of an earlier flight go into the store as the service hands them
in. Beside them, each in a store of its own and alternating, the same batches with one choice undone: cases named in no
order (UUID version 4) instead of names that rise with time; on SQLite, a step of the database for each row instead of
one for many; and joins handed in one by one. Each store holds `--before` batches first, for names in no order cost the
more the larger the indexes are. The median batch of each counts. `--postgresql` names an empty database with PostGIS,
which ours alone fills; there the choices are not compared.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from unittest.mock import patch
from uuid import uuid4

from rich.progress import track

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import Account, Role, Scope, system_actor
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.doors.sighting import Sighting
from dispatch_api.doors.sighting_desk import Asked, SightingDesk
from dispatch_api.store import Store, open_store
from dispatch_api.zones_at import ZonesAt

SEEN_AT = datetime(2026, 11, 20, 4, tzinfo=UTC)
MATTERS = ("dumping.household", "waterlogging.road")


@dataclass
class Way:
    """One way to take batches, in a store of its own.

    Attributes:
        name: As it is printed.
        desk: Takes the sightings.
        by: Who sends them.
        undone: What is patched while it does.
        new_ms: How long each batch of new cases took.
        joins_ms: And each batch that joined them.
    """

    name: str
    desk: SightingDesk
    by: Account
    undone: tuple[tuple[str, object], ...] = ()
    new_ms: list[float] = field(default_factory=list)
    joins_ms: list[float] = field(default_factory=list)

    def take(self, batch: Sequence[Asked], *, at_once: int | None = None) -> float:
        """Record a batch, or its parts one after the other; how many ms that took."""
        with ExitStack() as patched:
            for name, value in self.undone:
                patched.enter_context(patch(name, value))
            step = at_once or len(batch)
            began = time.perf_counter()
            for at in range(0, len(batch), step):
                for outcome in self.desk.record(self.by, batch[at : at + step]):
                    if outcome.error is not None:
                        raise outcome.error
            return (time.perf_counter() - began) * 1e3


def main() -> None:
    """Take the batches and print what they cost."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--batches", type=int, default=40)
    asked.add_argument("--size", type=int, default=32)
    asked.add_argument("--before", type=int, default=100)
    asked.add_argument("--postgresql", help="URL of an empty database with PostGIS, with `?files=FOLDER`")
    given = asked.parse_args()
    in_no_order = ("dispatch_api.cases.opening.rising_id", lambda: uuid4().hex)
    row_by_row = ("dispatch_api.store.many._INSERT", re.compile("(?!)"))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_ways:

        def way(name: str, url: str, *undone: tuple[str, object]) -> Way:
            return open_ways.enter_context(_way(name, url, undone))

        ways = [
            way("as it is", f"sqlite:///{folder}/as-it-is.db"),
            way("names in no order", f"sqlite:///{folder}/names.db", in_no_order),
            way("a step for each row", f"sqlite:///{folder}/steps.db", row_by_row),
        ]
        servers = [way("PostgreSQL", given.postgresql)] if given.postgresql else []
        rng = random.Random("batches")
        alone_ms: dict[str, list[float]] = {}
        for number in track(range(given.before + given.batches), description="batches"):
            places = [(118.0 + rng.random(), 28.5 + rng.random()) for _ in range(given.size)]
            for one in rng.sample([*ways, *servers], len(ways) + len(servers)):
                new_ms = one.take(_batch(places, f"{number}-new"))
                if number < given.before:
                    continue
                one.new_ms.append(new_ms)
                one.joins_ms.append(one.take(_batch(places, f"{number}-join")))
                if not one.undone:
                    singly = one.take(_batch(places, f"{number}-again"), at_once=1)
                    alone_ms.setdefault(one.name, []).append(singly)
        _print(ways, servers, alone_ms, given.size)


@contextmanager
def _way(name: str, url: str, undone: tuple[tuple[str, object], ...]) -> Iterator[Way]:
    store = open_store(url, create=True)
    try:
        yield Way(name, _desk(store), _sender(), undone)
    finally:
        store.close()


def _desk(store: Store) -> SightingDesk:
    matters = load_matters()
    keys = KeyDesk(store)
    # The store checks in each transaction that the sender's key still holds: this one is its first.
    keys.create("batches", by=system_actor("benchmark"))
    intake = Intake(store, matters, load_routing(matters=matters, departments=load_departments()))
    return SightingDesk(store, matters, intake, ZonesAt(store), keys)


def _sender() -> Account:
    return Account(
        account_id=1,
        name="key:batches",
        display_name_zh="batches",
        display_name_en="batches",
        role=Role.PIPELINE,
        department=None,
        below=(),
        scopes=frozenset(Scope),
    )


def _batch(places: Sequence[tuple[float, float]], flight_id: str) -> list[Asked]:
    return [
        Asked(
            key=f"{flight_id}-{number}",
            sighting=Sighting(
                matter=MATTERS[number % 2],
                confidence=0.9,
                lon=lon,
                lat=lat,
                covariance_m2=((2, 0), (0, 2)),
                seen_at=SEEN_AT,
                flight_id=flight_id,
            ),
        )
        for number, (lon, lat) in enumerate(places)
    ]


def _print(ways: Sequence[Way], servers: Sequence[Way], alone_ms: dict[str, list[float]], size: int) -> None:
    sys.stdout.write(f"ms for {size} sightings, median (and of its ratios to the same batch as it is)\n")
    sys.stdout.write(f"{'':22} {'new cases':>16} {'joins':>16} {'joins alone':>12}\n")
    ours = ways[0]
    for one in [*ways, *servers]:
        new, joins = _told(one.new_ms, ours.new_ms), _told(one.joins_ms, ours.joins_ms)
        alone = f"{median(alone_ms[one.name]):.1f}" if one.name in alone_ms else ""
        sys.stdout.write(f"{one.name:22} {new:>16} {joins:>16} {alone:>12}\n")


def _told(took_ms: Sequence[float], ours_ms: Sequence[float]) -> str:
    # The machine's speed changes by half within a run: only what was taken one after the other can be compared.
    ratio = median(took / ours for took, ours in zip(took_ms, ours_ms, strict=True))
    return f"{median(took_ms):.1f} ({ratio:.2f})"


if __name__ == "__main__":
    main()
