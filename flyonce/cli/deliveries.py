"""`flyonce deliveries`: messages on their way, and again."""

from __future__ import annotations

import asyncio
import signal
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flyonce.cli.output import emit_json, fail, say
from flyonce.cli.who import AsOption, OwnStdinOption, acting
from flyonce.settings import Settings

if TYPE_CHECKING:
    from dispatch_api.deliveries.service import Delivering
    from dispatch_api.store import Store

app = typer.Typer(name="deliveries", help="Messages on their way to receivers, and again.", rich_markup_mode=None)

StoreOption = Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.callback()
def group() -> None:
    """Messages on their way to receivers, and again."""


@app.command()
def run(
    store: StoreOption = None,
    matters: Annotated[Path | None, typer.Option(help="The city's matters, in place of the defaults.")] = None,
    departments: Annotated[Path | None, typer.Option(help="The city's departments.")] = None,
) -> None:
    """Send until Ctrl-C, as `serve` does beside its pages; several may run on one store."""
    from dispatch_api.cases.matters import load_matters
    from dispatch_api.departments.model import load_departments
    from dispatch_api.errors import DispatchError
    from flyonce.delivering import delivering

    try:
        with _opened(store) as opened:
            sending = delivering(
                opened, Settings(), matters=load_matters(matters), departments=load_departments(departments)
            )
            say(f"sending the messages of {opened.shown_url} (stop with Ctrl-C)")
            asyncio.run(_until_told(sending))
    except DispatchError as error:
        fail(error)


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="pending, delivered or dead; several with commas.")] = None,
    receiver: Annotated[str | None, typer.Option(help="Of this receiver alone.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.", min=1, max=500)] = 50,
    cursor: Annotated[str | None, typer.Option(help="`next` of the page before: go on there.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deliveries, the newest first: `--state dead` are those that were given up."""
    from dispatch_api.deliveries.desk import DeliveryDesk
    from dispatch_api.errors import DispatchError

    states = state.split(",") if state else ()
    try:
        with _opened(store) as opened:
            page = DeliveryDesk(opened).page(states=states, receiver_name=receiver, cursor=cursor, limit=limit)
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json(page)
        return
    for one in page["items"]:
        failure = f", {one['last_error']}" if one["last_error"] else ""
        say(
            f"{one['delivery_id']} {one['posted_at']} {one['type']} {one['subject']} -> {one['receiver']}: "
            f"{one['state']} after {one['attempts']} attempts{failure}"
        )
    if not page["items"]:
        say("None.")
    if page["next"]:
        say(f"Older ones: --cursor {page['next']}")


@app.command()
def replay(
    delivery_id: Annotated[int | None, typer.Argument(help="One delivery; delivered ones too.")] = None,
    receiver: Annotated[str | None, typer.Option(help="All dead ones of this receiver.")] = None,
    since: Annotated[
        str | None, typer.Option(help="With --receiver: also those delivered since, like 2026-11-22T08:00:00+08:00.")
    ] = None,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send deliveries again, each under the same id; whoever runs `serve` or `deliveries run` sends them."""
    from dispatch_api.accounts.model import Role
    from dispatch_api.deliveries.desk import DeliveryDesk
    from dispatch_api.errors import DispatchError

    if (delivery_id is None) == (receiver is None) or (since is not None and receiver is None):
        fail("name one delivery, or --receiver NAME (and with that --since).")
    try:
        with _opened(store) as opened:
            by = acting(opened, account, from_stdin=password_stdin, roles=(Role.ADMIN,))
            desk = DeliveryDesk(opened)
            if delivery_id is not None:
                desk.replay(delivery_id, by=by)
                many = 1
            else:
                many = desk.replay_all(str(receiver), by=by, since=_moment(since))
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json({"replayed": many})
    else:
        say(f"{many} deliveries are due again.")


async def _until_told(sending: Delivering) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await sending.run(stop)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--since: {text!r} is no moment; write 2026-11-22T08:00:00+08:00.")
    if moment.tzinfo is None:
        fail(f"--since: {text!r} has no time zone; write 2026-11-22T08:00:00+08:00.")
    return moment


def _opened(url: str | None) -> Store:
    from dispatch_api.store import open_store

    return open_store(url or Settings().store)
