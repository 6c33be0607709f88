"""Who gives a command that changes a store: an account that proves itself, or the operating system's user."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from flyonce.cli.output import fail
from flyonce.os_user import at_command_line

if TYPE_CHECKING:
    from dispatch_api.accounts.model import Actor, Role
    from dispatch_api.store import Store

AsOption = Annotated[
    str | None,
    typer.Option("--as", help="Your account, for the history; left out, it names the operating system's user."),
]
OwnStdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read that account's password from the first line of stdin.")
]


def acting(store: Store, account: str | None, *, from_stdin: bool, roles: Collection[Role] | None = None) -> Actor:
    """Who acts: the account, if its password fits; without one, the operating system's user.

    Args:
        store: Where the account is.
        account: Its name, None for whoever runs this process.
        from_stdin: Whether the password is the next line of stdin; otherwise it is asked for.
        roles: The roles that may do this; None where the work itself asks.

    Raises:
        WrongCredentials: Name or password does not fit.
        TooManyAttempts: They did not fit too often.
        Forbidden: The account's role may not do this.
    """
    if account is None:
        return at_command_line()
    from dispatch_api.accounts.sessions import SessionDesk
    from dispatch_api.errors import Forbidden

    found = SessionDesk(store).who(account, own_password(account, from_stdin=from_stdin), address="command-line")
    if roles is not None and found.role not in roles:
        raise Forbidden(f"{account!r} may not do this: it takes the role {' or '.join(sorted(roles))}.")
    return found.actor


def own_password(account: str, *, from_stdin: bool) -> str:
    """The password of whoever gives the command."""
    if not from_stdin:
        asked: str = typer.prompt(f"Password of {account}", hide_input=True, err=True)
        return asked
    line = sys.stdin.readline()
    if not line:
        fail(f"--password-stdin: the password of {account} is the first line of stdin, and there is none.")
    return line.rstrip("\r\n")
