"""`flyonce keys`: what machines come in with."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from flyonce.cli.output import emit_json, fail, say
from flyonce.cli.who import AsOption, OwnStdinOption, acting
from flyonce.settings import Settings

app = typer.Typer(name="keys", help="What machines come in with.", rich_markup_mode=None)

StoreUrl = Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.callback()
def group() -> None:
    """What machines come in with."""


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Name in the list and in the history; given once.")],
    role: Annotated[str, typer.Option(help="pipeline: the role of machines.")] = "pipeline",
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it opens, once for each; sightings:write, cases:read and features:read."),
    ] = None,
    department: Annotated[str | None, typer.Option(help="Keep it to what this department sees.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Let it expire after so many days.")] = None,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is printed once, on stdout, and kept as a hash only."""
    from dispatch_api.accounts.keys import PIPELINE_SCOPES, KeyDesk
    from dispatch_api.accounts.model import Role
    from dispatch_api.errors import DispatchError
    from dispatch_api.store import open_store

    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    try:
        with open_store(store or Settings().store) as opened:
            secret, made = KeyDesk(opened).create(
                name,
                by=acting(opened, account, from_stdin=password_stdin, roles=(Role.ADMIN,)),
                role=role,
                scopes=tuple(scopes) if scopes else PIPELINE_SCOPES,
                department=department,
                expires_at=expires_at,
            )
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json({"key": secret, **_shown(made)})
        return
    typer.echo(secret)
    say(f"{made.name} opens {', '.join(made.scopes)}. Keep the key now: it is not shown again.")


@app.command(name="list")
def list_keys(store: StoreUrl = None, as_json: AsJson = False) -> None:
    """List every key without its secret, the revoked ones too."""
    from dispatch_api.accounts.keys import KeyDesk
    from dispatch_api.errors import DispatchError
    from dispatch_api.store import open_store

    try:
        with open_store(store or Settings().store) as opened:
            found = [_shown(key) for key in KeyDesk(opened).all()]
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json({"keys": found})
        return
    for key in found:
        state = "revoked" if key["revoked_at"] else f"last used {key['last_used_at'] or 'never'}"
        typer.echo(f"{key['name']}\t{key['role']}\t{' '.join(key['scopes'])}\t{state}")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Stop a key: it is refused from now on, and stays in the list."""
    from dispatch_api.accounts.keys import KeyDesk
    from dispatch_api.accounts.model import Role
    from dispatch_api.errors import DispatchError
    from dispatch_api.store import open_store

    try:
        with open_store(store or Settings().store) as opened:
            by = acting(opened, account, from_stdin=password_stdin, roles=(Role.ADMIN,))
            revoked = KeyDesk(opened).revoke(name, by=by)
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json(_shown(revoked))
    else:
        say(f"{name} is refused from now on.")


def _shown(key: Any) -> dict[str, Any]:  # noqa: ANN401 - imported only when a command runs
    values = {name: value for name, value in asdict(key).items() if name != "key_id"}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
