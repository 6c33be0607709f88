"""`flyonce db`: care of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from flyonce.cli.export_cases import export_cases
from flyonce.cli.output import EXIT_FAILURE, emit_json, fail, progress, say
from flyonce.cli.who import AsOption, OwnStdinOption, acting
from flyonce.settings import Settings

app = typer.Typer(
    name="db",
    help="Care of the store: bring it to this version's schema, back it up, restore it, check it.",
    rich_markup_mode=None,
)

STORE_HELP = "Store URL, like sqlite:///city.db or postgresql://name@host/city?files=/srv/city."
StoreOption = Annotated[str | None, typer.Option("--store", help=STORE_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


app.command("export")(export_cases)


@app.callback()
def group() -> None:
    """Care of the store."""


@app.command()
def upgrade(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Bring a store to this version's schema; a new one is created. Stop `serve` and `analyze` on it first."""
    from dispatch_api.errors import StoreError
    from dispatch_api.store import migrate
    from dispatch_api.store.url import store_place

    url = store or Settings().store
    try:
        before, after = migrate(url)
        url = store_place(url).shown
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
    from dispatch_api.store.checked import CheckedHistory
    from dispatch_api.store.history import verify_history

    url = store or Settings().store
    try:
        with open_store(url) as opened, opened.read() as connection:
            url = opened.shown_url
            checked = verify_history(connection)
            # That a history fits together does not say that it is the one that was checked before.
            CheckedHistory(opened).check(connection)
    except ChainBroken as error:
        fail(
            f"the history of {url} was changed: {error} Keep the store as it is and restore a backup elsewhere.",
            code=EXIT_FAILURE,
        )
    except StoreError as error:
        fail(error)
    if as_json:
        emit_json({"store": url, "events": checked, "ok": True})
    else:
        say(f"{checked} entries, each follows the one before.")


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(help="New file, like city-20261122.zip.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all rows as of one moment into a portable file of ours, while the service runs on.

    The file can be restored into either kind of database. Pictures and coverage are files: copy their folders too.
    """
    from dispatch_api.errors import StoreError
    from dispatch_api.store import open_store
    from dispatch_api.store.backup import write_backup

    try:
        with open_store(store or Settings().store) as opened, _rows("Writing rows") as tick:
            told = write_backup(opened, out, tick=tick)
            folder = opened.evidence_dir
    except StoreError as error:
        fail(error)
    if as_json:
        emit_json({"file": str(out), "rows": told.rows, "schema": told.schema, "last_hash": told.last_hash})
    else:
        say(f"{out}: {told.rows} rows of schema {told.schema}. Pictures are files of their own: copy {folder} as well.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `flyonce db backup` wrote, on either kind of database.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new store of a backup: all of it or nothing. What is there already is never written over."""
    from dispatch_api.errors import StoreError
    from dispatch_api.store.backup import restore_backup
    from dispatch_api.store.url import store_place

    url = store or Settings().store
    try:
        with _rows("Restoring rows") as tick:
            told = restore_backup(file, url, tick=tick)
        place = store_place(url)
    except StoreError as error:
        fail(error)
    if as_json:
        emit_json({"store": place.shown, "rows": told.rows, "made_at": told.made_at, "last_hash": told.last_hash})
    else:
        say(f"{place.shown} has the {told.rows} rows of {told.made_at}. Its pictures belong into {place.evidence_dir}.")


@app.command()
def prune(
    store: StoreOption = None,
    retention: Annotated[Path | None, typer.Option(help="The city's retention, in place of the defaults.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what is not kept for ever and is old enough, a little at a time, as `serve` does once a day.

    These are entries of the live stream, messages that were delivered, and answers kept for idempotency keys; never
    anything of a case, its evidence or the history.
    """
    from dataclasses import asdict

    from dispatch_api.accounts.model import Role
    from dispatch_api.errors import DispatchError
    from dispatch_api.retention.pruning import Pruned, Pruner
    from dispatch_api.retention.rules import load_retention
    from dispatch_api.store import open_store

    total = Pruned()
    try:
        kept = load_retention(retention)
        with open_store(store or Settings().store) as opened:
            by = acting(opened, account, from_stdin=password_stdin, roles=(Role.ADMIN,))
            with progress("Looking for what is old" if dry_run else "Removing what is old") as ticker:
                for pruned in Pruner(opened, kept).batches(by=by, dry_run=dry_run):
                    total += pruned
                    ticker.reached(sum(asdict(total).values()), None)
            url = opened.shown_url
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json({"store": url, "dry_run": dry_run, **asdict(total), **kept.model_dump()})
    else:
        say(
            f"{'Would remove' if dry_run else 'Removed'} {total.feed} entries of the stream, "
            f"{total.deliveries} deliveries, {total.messages} messages, {total.answers} answers."
        )


@app.command()
def check(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Look the whole store over: database, history, index of places, originals; exit 1 if any is bad."""
    from dataclasses import asdict

    from dispatch_api.errors import StoreError
    from dispatch_api.store import open_store
    from dispatch_api.store.checking import check_store

    try:
        with open_store(store or Settings().store) as opened, progress("Checking", total=None):
            findings = check_store(opened)
            url = opened.shown_url
    except StoreError as error:
        fail(error)
    healthy = all(finding.ok for finding in findings)
    if as_json:
        emit_json({"store": url, "ok": healthy, "checks": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            say(f"{'ok ' if finding.ok else 'BAD'} {finding.name}: {finding.text}")
    if not healthy:
        raise typer.Exit(EXIT_FAILURE)


@contextmanager
def _rows(doing: str) -> Iterator[Callable[[int, int], None]]:
    with progress(doing) as ticker:
        yield ticker.reached
