"""The way to a flight under way: a local socket that takes pause, resume and rtl from another terminal."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as TooLong
from pathlib import Path
from typing import Annotated

import typer

from flightplan.errors import FlightplanError, NotNow
from flightplan.flying.flight import FlightControl, Order
from flyonce.cli.options import AsJson
from flyonce.cli.output import EXIT_FAILURE, emit_json, fail, say

# A resumed vehicle flies back to its break point first.
_OBEYED_WITHIN_S = 300.0
_LONGEST_LINE = 64
_POLL_S = 0.25
# What every Unix holds in a socket's name, less the closing zero.
_LONGEST_PATH = 103


def orders_path(mission_file: Path) -> Path:
    """Where a flight of this mission takes orders."""
    return mission_file.with_suffix(".orders")


@contextlib.contextmanager
def taking_orders(path: Path, control: FlightControl) -> Iterator[bool]:
    """Takes orders while the context lasts; yields whether it can.

    Only this user may give them: the socket is of mode 0600.
    """
    if len(str(path.absolute()).encode()) > _LONGEST_PATH:
        say(f"{path}: this name is too long for a socket; the flight takes no orders from other terminals")
        yield False
        return
    if path.exists() and _is_answered(path):
        fail(f"{path}: a flight of this mission is under way. Give it orders with `flyonce fly-command`.")
    if path.exists() and not path.is_socket():
        fail(f"{path}: the flight would take orders where this file is. Move it away, or fly from elsewhere.")
    stop = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            path.chmod(0o600)
        except OSError as error:
            say(
                f"{path}: no socket can be made there ({error.strerror}); "
                "the flight takes no orders from other terminals"
            )
            yield False
            return
        listener.listen()
        listener.settimeout(_POLL_S)
        thread = threading.Thread(target=_serve, args=(listener, control, stop), name="flight-orders", daemon=True)
        thread.start()
        try:
            yield True
        finally:
            stop.set()
            thread.join(timeout=5.0)
            path.unlink(missing_ok=True)


def fly_command(
    mission_file: Annotated[Path, typer.Argument(help="The mission that `flyonce fly` is flying.")],
    order: Annotated[Order, typer.Argument(help="pause, resume, or rtl: fly home and land.")],
    as_json: AsJson = False,
) -> None:
    """Pause a flight under way, resume it where it was broken off, or call it home."""
    answer = give_order(orders_path(mission_file), order)
    if as_json:
        emit_json({"order": order.value, **answer})
    if "error" in answer:
        fail(answer["error"], code=EXIT_FAILURE)
    say(f"{order.value}: the vehicle has obeyed")


def give_order(path: Path, order: Order) -> dict[str, str]:
    """Gives an order and waits for the vehicle; the answer has an `error` when it did not obey."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_OBEYED_WITHIN_S + 10.0)
            connection.connect(str(path))
            connection.sendall(f"{order.value}\n".encode())
            answer: dict[str, str] = json.loads(connection.makefile().readline())
            return answer
    except (OSError, ValueError):
        fail(f"{path}: no flight takes orders here. Start it with `flyonce fly` and the same mission file.")


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, contextlib.suppress(OSError):
        connection.connect(str(path))
        return True
    return False


def _serve(listener: socket.socket, control: FlightControl, stop: threading.Event) -> None:
    """Each order in a thread of its own: while one waits for the vehicle, another may call it home."""
    while not stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection, control), name="flight-order", daemon=True).start()


def _answer(connection: socket.socket, control: FlightControl) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(5.0)
        line = connection.makefile().readline(_LONGEST_LINE).strip()
        if not line:
            return
        connection.sendall((json.dumps(_obeyed(line, control)) + "\n").encode())


def _obeyed(line: str, control: FlightControl) -> dict[str, str]:
    try:
        control.give(Order(line)).result(_OBEYED_WITHIN_S)
    except ValueError:
        return {"error": f"{line!r} is no order; say pause, resume or rtl."}
    except TooLong:
        return {"error": f"the vehicle did not obey within {_OBEYED_WITHIN_S:.0f} s."}
    except (FlightplanError, NotNow) as error:
        return {"error": str(error)}
    return {"obeyed": "yes"}
