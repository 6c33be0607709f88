"""The one chain from pictures to tasks: read → look → place → group → confirm → record.

Photos from a card, photos that come in while the drone flies, recorded videos and live streams all go through
`analyze`: they differ in the `Material` that feeds it, and in nothing behind that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from dispatch_api.errors import DispatchError
from flyonce.analysis_result import AnalyzeResult
from flyonce.city_time import in_city_time
from flyonce.flight_work import FlightWork
from flyonce.looks import Look, looks_of
from flyonce.material import Material
from flyonce.photo_material import PhotoMaterial
from flyonce.tools import Tools
from geo.errors import GeoError


def analyze(
    photos: Iterable[Path],
    *,
    tools: Tools,
    flight_id: str,
    flight_name: str | None = None,
    on_look: Callable[[Look], None] | None = None,
    on_stage: Callable[[str], None] = lambda stage: None,
    register_flight: bool = True,
) -> AnalyzeResult:
    """Run the chain over photos of one flight.

    Args:
        photos: Files in the order of flight. A sequence is checked as a whole for photos stored upside-down; any
            other iterable is taken as it comes, while the drone flies.
        tools: What to work with.
        flight_id: Name of the flight; the same photos under the same name again bring cases up to date and open none.
        flight_name: What people call it.
        on_look: Called after each photo.
        on_stage: Called with the name of what begins.
        register_flight: Start and end the flight in the store; False where somebody else does.

    Returns:
        The counts. Files that cannot be read are listed in it, not raised.
    """
    return analyze_material(
        PhotoMaterial(photos, ground=tools.ground, masks=tools.masks(), on_stage=on_stage),
        tools=tools,
        flight_id=flight_id,
        flight_name=flight_name,
        on_look=on_look,
        register_flight=register_flight,
    )


def analyze_material(
    material: Material,
    *,
    tools: Tools,
    flight_id: str,
    flight_name: str | None = None,
    on_look: Callable[[Look], None] | None = None,
    register_flight: bool = True,
) -> AnalyzeResult:
    """Run the chain over any material; `analyze` says what the arguments are."""
    if register_flight:
        tools.flights.start(flight_id, flight_name or flight_id)
    with tempfile.TemporaryDirectory(prefix="flyonce-stills-") as stills:
        work = FlightWork(tools=tools, material=material, flight_id=flight_id, stills=Path(stills))
        with _ended(work) if register_flight else nullcontext(), _coverage_kept(work):
            looks = looks_of(
                in_city_time(material.pictures(), tools.time_zone),
                detector=tools.detector,
                ground=tools.ground,
                ahead=material.ahead,
                near=tools.near,
                follower=work.follower,
            )
            while (look := work.next_of(looks)) is not None:
                work.take(look)
                if on_look is not None:
                    on_look(look)
            work.finish()
            work.note_clean_looks()
            if tools.near is not None and tools.verdicts is not None:
                tools.verdicts.keep_near_misses(flight_id, tools.near.take(flight_id))
    return work.result()


@contextmanager
def _coverage_kept(work: FlightWork) -> Iterator[None]:
    """Write what was looked at, whatever happens; an error on the way there goes before one in writing."""
    try:
        yield
    except BaseException:
        with suppress(GeoError):
            work.keep_coverage()
        raise
    work.keep_coverage()


@contextmanager
def _ended(work: FlightWork) -> Iterator[None]:
    """End the flight in the store, whatever happens: nobody is to wait for one that was broken off."""
    whole = False
    try:
        yield
        whole = True
    finally:
        figures = work.figures() | ({} if whole else {"broken_off": True})
        with nullcontext() if whole else suppress(DispatchError):
            work.tools.flights.end(work.flight_id, figures=figures)
