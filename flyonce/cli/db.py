"""`flyonce db`: care of the store."""

from __future__ import annotations

from typing import Annotated

import typer

from flyonce.cli.output import EXIT_FAILURE, emit_json, fail, say
from flyonce.settings import Settings

app = typer.Typer(
    name="db",
    help="Care of the store: bring it to this version's schema, check its history.",
    rich_markup_mode=None,
)

StoreOption = Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.callback()
def group() -> None:
    """Care of the store."""


@app.command()
def upgrade(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Bring a store to this version's schema; a new one is created. Stop `serve` and `analyze` on it first."""
    from dispatch_api.errors import StoreError
    from dispatch_api.store import migrate

    url = store or Settings().store
    try:
        before, after = migrate(url)
    except StoreError as error:
        fail(error)
    if as_json:
        emit_json({"store": url, "before": before, "after": after})
    elif before == after:
        say(f"{url} has schema {after} already.")
    else:
        say(f"{url} now has schema {after} (before: {before or 'none'}).")


@app.command()
def verify(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Check the whole history: every entry's hash, and that each follows the one before."""
    from dispatch_api.errors import ChainBroken, StoreError
    from dispatch_api.store import open_store
    from dispatch_api.store.history import verify_history

    url = store or Settings().store
    try:
        with open_store(url) as opened, opened.read() as connection:
            checked = verify_history(connection)
    except ChainBroken as error:
        fail(
            f"the history of {url} was changed: {error} Keep the file as it is and restore a backup.", code=EXIT_FAILURE
        )
    except StoreError as error:
        fail(error)
    if as_json:
        emit_json({"store": url, "events": checked, "ok": True})
    else:
        say(f"{checked} entries, each follows the one before.")
