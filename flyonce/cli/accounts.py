"""`flyonce accounts`: who may log in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flyonce.cli.output import emit_json, fail, say
from flyonce.settings import Settings

app = typer.Typer(name="accounts", help="Who may log in.", rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Who may log in."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Log-in name.")],
    role: Annotated[str, typer.Option(help="operator, centre, handler, leader, auditor or admin.")],
    department: Annotated[str | None, typer.Option(help="Key of the department, for handlers and leaders.")] = None,
    display_zh: Annotated[str | None, typer.Option(help="Name shown in Chinese.")] = None,
    display_en: Annotated[str | None, typer.Option(help="Name shown in English.")] = None,
    departments: Annotated[Path | None, typer.Option(help="The city's departments, in place of the defaults.")] = None,
    password_stdin: Annotated[bool, typer.Option(help="Read the password from stdin instead of asking.")] = False,
    store: Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Add an account. The password is asked for, never taken from the command line, which others can read."""
    from dispatch_api.accounts.service import create_account
    from dispatch_api.departments.model import load_departments
    from dispatch_api.errors import DispatchError
    from dispatch_api.store import open_store

    url = store or Settings().store
    try:
        with open_store(url) as opened:
            shown = opened.shown_url
            account = create_account(
                opened,
                name,
                _password(from_stdin=password_stdin),
                role,
                department,
                display_name_zh=display_zh,
                display_name_en=display_en,
                departments=tuple(load_departments(departments).by_key),
            )
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json({"name": account.name, "role": account.role, "department": account.department, "store": shown})
    else:
        say(f"{account.name} may log in now as {account.role}.")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked
