"""The simulated vehicle in a process of its own: the demo reaches it through a TCP socket and in no other way."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from flightplan.mission.mission import Home
from flightplan.vehicle import SimulatedVehicle
from flyonce.demo.errors import DemoError

_START_TIMEOUT_S = 60.0


@contextmanager
def vehicle_process(home: Home, speedup: float) -> Iterator[str]:
    """Runs the vehicle as long as the context lasts.

    Yields:
        The link's URL, on loopback and a free port.

    Raises:
        DemoError: The process did not start.
    """
    # Spawned, not forked: threads and database handles of this process stay out of the vehicle.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, home, speedup), name="flyonce-vehicle", daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"tcp:127.0.0.1:{_port_of(ours)}"
    finally:
        ours.close()
        process.join(timeout=5)
        if process.is_alive():
            process.terminate()
            process.join()


def _port_of(ours: Connection) -> int:
    try:
        if ours.poll(_START_TIMEOUT_S):
            return int(ours.recv())
    except EOFError as ended:
        raise DemoError("The simulated vehicle's process ended before it could be reached.") from ended
    raise DemoError(f"The simulated vehicle did not start within {_START_TIMEOUT_S:.0f} s.")


def _serve(theirs: Connection, home: Home, speedup: float) -> None:
    vehicle = SimulatedVehicle(home_lon=home.lon, home_lat=home.lat, home_alt_msl_m=home.alt_msl_m, speedup=speedup)
    stop = threading.Event()

    def stop_with_parent() -> None:
        # The pipe breaks when the demo leaves the context, or dies.
        try:
            theirs.recv()
        except (EOFError, OSError):
            stop.set()

    threading.Thread(target=stop_with_parent, daemon=True).start()
    theirs.send(vehicle.port)
    vehicle.serve(stop)
