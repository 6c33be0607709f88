"""`flyonce accounts`: who may log in. The first admin is made here, on the machine itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flyonce.cli.output import emit_json, fail, say
from flyonce.cli.who import AsOption, OwnStdinOption, acting
from flyonce.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatch_api.accounts.records import KeptAccount
    from dispatch_api.accounts.service import AccountDesk

app = typer.Typer(name="accounts", help="Who may log in.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="Log-in name.")]
RoleName = Annotated[str, typer.Option("--role", help="operator, centre, handler, leader, auditor or admin.")]
Department = Annotated[
    str | None, typer.Option("--department", help="Key of the department, for handlers and leaders.")
]
DepartmentsFile = Annotated[
    Path | None, typer.Option("--departments", help="The city's departments, in place of the defaults.")
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read passwords from stdin instead of asking: with --as yours first.")
]
StoreUrl = Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.callback()
def group() -> None:
    """Who may log in."""


@app.command()
@app.command(name="add", hidden=True)
def create(
    name: Name,
    role: RoleName,
    department: Department = None,
    display_zh: Annotated[str | None, typer.Option(help="Name shown in Chinese.")] = None,
    display_en: Annotated[str | None, typer.Option(help="Name shown in English.")] = None,
    departments: DepartmentsFile = None,
    account: AsOption = None,
    password_stdin: FromStdin = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Add an account. The password is asked for, never taken from the command line, which others can read."""

    def work(desk: AccountDesk, by: Any) -> KeptAccount:  # noqa: ANN401 - imported only when a command runs
        password = _password(from_stdin=password_stdin)
        desk.create(name, password, role, department, by=by, display_name_zh=display_zh, display_name_en=display_en)
        return desk.one(name)

    kept, shown = _changed(work, store, departments, account=account, from_stdin=password_stdin)
    if as_json:
        emit_json({**_shown(kept), "store": shown})
    else:
        say(f"{name} may log in now as {kept.account.role}.")


@app.command(name="list")
def list_accounts(store: StoreUrl = None, as_json: AsJson = False) -> None:
    """List every account, the closed ones too."""
    from dispatch_api.accounts.service import AccountDesk
    from dispatch_api.errors import DispatchError
    from dispatch_api.store import open_store

    try:
        with open_store(store or Settings().store) as opened:
            found = [_shown(kept) for kept in AccountDesk(opened).all()]
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json({"accounts": found})
        return
    for one in found:
        state = f"closed {one['disabled_at']}" if one["disabled_at"] else "open"
        typer.echo(f"{one['name']}\t{one['role']}\t{one['department'] or '-'}\t{state}")


@app.command()
def disable(
    name: Name,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Close an account: its sessions end, and it cannot log in."""
    kept, _ = _changed(
        lambda desk, by: desk.set_disabled(name, disabled=True, by=by),
        store,
        account=account,
        from_stdin=password_stdin,
    )
    _tell(kept, f"{name} is closed.", as_json=as_json)


@app.command()
def enable(
    name: Name,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Open a closed account again."""
    kept, _ = _changed(
        lambda desk, by: desk.set_disabled(name, disabled=False, by=by),
        store,
        account=account,
        from_stdin=password_stdin,
    )
    _tell(kept, f"{name} may log in again.", as_json=as_json)


@app.command()
def password(
    name: Name,
    account: AsOption = None,
    password_stdin: FromStdin = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Set an account's password; its sessions end."""
    kept, _ = _changed(
        lambda desk, by: desk.set_password(name, _password(from_stdin=password_stdin), by=by),
        store,
        account=account,
        from_stdin=password_stdin,
    )
    _tell(kept, f"{name} logs in with the new password from now on.", as_json=as_json)


@app.command()
def role(
    name: Name,
    role: RoleName,
    department: Department = None,
    departments: DepartmentsFile = None,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Give an account another role, or another department."""
    kept, _ = _changed(
        lambda desk, by: desk.set_role(name, role, department, by=by),
        store,
        departments,
        account=account,
        from_stdin=password_stdin,
    )
    _tell(kept, f"{name} is {kept.account.role} from now on.", as_json=as_json)


def _changed(
    work: Callable[[AccountDesk, Any], KeptAccount],
    store: str | None,
    departments: Path | None = None,
    *,
    account: str | None,
    from_stdin: bool,
) -> tuple[KeptAccount, str]:
    """The account after a change, and the store's URL as it may be shown."""
    from dispatch_api.accounts.model import Role
    from dispatch_api.accounts.service import AccountDesk
    from dispatch_api.departments.model import load_departments
    from dispatch_api.errors import DispatchError
    from dispatch_api.store import open_store

    try:
        with open_store(store or Settings().store) as opened:
            desk = AccountDesk(opened, departments=tuple(load_departments(departments).by_key))
            by = acting(opened, account, from_stdin=from_stdin, roles=(Role.ADMIN,))
            return work(desk, by), opened.shown_url
    except DispatchError as error:
        fail(error)


def _tell(kept: KeptAccount, words: str, *, as_json: bool) -> None:
    if as_json:
        emit_json(_shown(kept))
    else:
        say(words)


def _shown(kept: KeptAccount) -> dict[str, Any]:
    account = kept.account
    return {
        "name": account.name,
        "role": account.role,
        "department": account.department,
        "created_at": kept.created_at.isoformat(),
        "disabled_at": kept.disabled_at.isoformat() if kept.disabled_at else None,
    }


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked
