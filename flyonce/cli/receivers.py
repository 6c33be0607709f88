"""`flyonce receivers`: who is told of cases and tasks, and where."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flyonce.cli.output import EXIT_FAILURE, emit_json, fail, progress, say
from flyonce.cli.who import AsOption, OwnStdinOption, acting
from flyonce.settings import Settings

if TYPE_CHECKING:
    from dispatch_api.accounts.model import Actor
    from dispatch_api.deliveries.phrases import Language
    from dispatch_api.deliveries.receivers import ReceiverDesk
    from dispatch_api.store import Store

app = typer.Typer(name="receivers", help="Who is told of cases and tasks, and where.", rich_markup_mode=None)

StoreOption = Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
NameArgument = Annotated[str, typer.Argument(help="The receiver's name.")]
DepartmentsOption = Annotated[
    Path | None, typer.Option("--departments", help="The city's departments, in place of the defaults.")
]


@app.callback()
def group() -> None:
    """Who is told of cases and tasks, and where."""


@app.command()
def add(
    name: NameArgument,
    url: Annotated[
        str,
        typer.Option(
            help="https://…, or mailto:a@city.example; - reads it from stdin: a robot's URL is a secret, "
            "and others can read a command line."
        ),
    ],
    kind: Annotated[str, typer.Option(help="webhook, dingtalk, wecom or mail.")] = "webhook",
    department: Annotated[
        list[str] | None, typer.Option(help="Whose messages it gets; may be repeated. Left out: the whole city's.")
    ] = None,
    with_below: Annotated[
        bool, typer.Option("--with-below", help="Those of all departments below --department too, at any depth.")
    ] = False,
    type: Annotated[
        list[str] | None, typer.Option(help="Which messages, like task.dispatched.v1, or task. for all of them.")
    ] = None,
    quota: Annotated[int | None, typer.Option(help="Messages a minute that it wants at most; red passes.")] = None,
    language: Annotated[str, typer.Option(help="What people read whom a robot or a mail tells: zh or en.")] = "zh",
    secret_stdin: Annotated[
        bool, typer.Option(help="Read its secret from stdin (DingTalk's SEC…); a webhook's is made here.")
    ] = False,
    departments: DepartmentsOption = None,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a receiver. The secret of a webhook is shown this once."""
    from dispatch_api.deliveries.channels import ReceiverKind
    from dispatch_api.deliveries.receivers import NewReceiver
    from dispatch_api.errors import DispatchError

    if kind not in set(ReceiverKind):
        fail(f"--kind: {kind!r} is none of {', '.join(ReceiverKind)}.")
    reads = _language(language, "--language")
    try:
        with _opened(store) as opened:
            by = _by(opened, account, from_stdin=password_stdin)
            new = NewReceiver(
                name=name,
                kind=ReceiverKind(kind),
                url=_line() if url == "-" else url,
                secret=_line() if secret_stdin else None,
                departments=tuple(department) if department else None,
                with_below=with_below,
                types=tuple(type) if type else None,
                quota_per_minute=quota,
                language=reads,
            )
            told = _desk(opened, departments).add(new, by=by)
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json(told.shown | {"secret": told.secret})
        return
    say(f"{name} at {told.shown['url']} is told from now on.")
    if told.secret is not None:
        say(f"Its secret, shown this once: {told.secret}")


@app.command("list")
def list_(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """All receivers, their URLs masked, with what waits for each."""
    from dispatch_api.errors import DispatchError

    try:
        with _opened(store) as opened:
            rows = _desk(opened, None).listed()
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json({"receivers": rows})
        return
    for row in rows:
        state = "on" if row["enabled"] else f"off ({row['disabled_why']})"
        paused = f", paused until {row['paused_until']}" if row["paused_until"] else ""
        whose = ", ".join(row["departments"]) if row["departments"] else "whole city"
        if row["with_below"]:
            whose += f" and below ({', '.join(row['below']) or 'nobody'})"
        say(
            f"{row['name']}: {row['kind']} {row['url']}, {whose}, {row['language']}, {state}{paused}; "
            f"{row['waiting']} waiting, {row['dead']} dead"
        )
    if not rows:
        say("No receivers; add one with `flyonce receivers add`.")


@app.command()
def disable(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why.")] = "by hand",
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send it nothing more for now; what waits stays."""
    who = (account, password_stdin)
    told = f"{name} is told nothing for now."
    _changed(store, as_json, who, lambda desk, by: desk.disable(name, by=by, why=reason), told)


@app.command()
def enable(
    name: NameArgument,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send to it again, what waits first."""
    who = (account, password_stdin)
    _changed(store, as_json, who, lambda desk, by: desk.enable(name, by=by), f"{name} is told again.")


@app.command()
def below(
    name: NameArgument,
    off: Annotated[bool, typer.Option("--off", help="Only its own departments' messages from now on.")] = False,
    departments: DepartmentsOption = None,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a receiver get the messages of all departments below its own too, or no longer."""
    told = f"{name} is told of its own departments{'' if off else ' and of those below them'} from now on."
    _changed(
        store,
        as_json,
        (account, password_stdin),
        lambda desk, by: desk.choose_below(name, with_below=not off, by=by),
        told,
        departments,
    )


@app.command()
def language(
    name: NameArgument,
    reads: Annotated[str, typer.Argument(metavar="LANGUAGE", help="zh or en.")],
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what people read whom a robot or a mail tells; what waits goes out in that language too."""
    chosen = _language(reads, "LANGUAGE")
    told = f"{name} is told in {'Chinese' if chosen == 'zh' else 'English'} from now on."
    who = (account, password_stdin)
    _changed(store, as_json, who, lambda desk, by: desk.choose_language(name, chosen, by=by), told)


@app.command()
def rotate(
    name: NameArgument,
    overlap_hours: Annotated[float, typer.Option(help="So long the present secret signs too.", min=0, max=720)] = 24.0,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new secret for a webhook; the present one signs along for a while."""
    from dispatch_api.errors import DispatchError

    try:
        with _opened(store) as opened:
            by = _by(opened, account, from_stdin=password_stdin)
            told = _desk(opened, None).rotate(name, by=by, overlap=timedelta(hours=overlap_hours))
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json(told.shown | {"secret": told.secret})
    else:
        say(f"The new secret of {name}, shown this once: {told.secret}")
        say(f"The earlier one signs along for {overlap_hours:g} h.")


@app.command("test")
def try_out(
    name: NameArgument,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a message to this receiver alone, now, and tell how it went; exit 1 if it failed."""
    from dispatch_api.cases.matters import load_matters
    from dispatch_api.deliveries.receivers import receiver_id_of
    from dispatch_api.departments.model import load_departments
    from dispatch_api.errors import DispatchError
    from flyonce.delivering import delivering

    try:
        with _opened(store) as opened:
            by = _by(opened, account, from_stdin=password_stdin)
            sending = delivering(opened, Settings(), matters=load_matters(), departments=load_departments())
            with opened.read() as connection:
                receiver_id = receiver_id_of(connection, name)
            with progress("Sending", total=None):
                delivery_id = _desk(opened, None).test(name, by=by)
                tried = asyncio.run(sending.run_for(receiver_id, delivery_id, within_s=sending.sending.timeout_s + 15))
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json(tried)
    else:
        say(f"{name}: {tried['state']}" + (f", {tried['last_error']}" if tried["last_error"] else ""))
    if tried["state"] != "delivered":
        raise typer.Exit(EXIT_FAILURE)


def _language(text: str, where: str) -> Language:
    from dispatch_api.deliveries.phrases import Language

    if text not in set(Language):
        fail(f"{where}: {text!r} is none of {', '.join(Language)}.")
    return Language(text)


def _changed(
    store: str | None,
    as_json: bool,
    who: tuple[str | None, bool],
    change: Any,  # noqa: ANN401 - a function of the desk
    told: str,
    departments: Path | None = None,
) -> None:
    from dispatch_api.errors import DispatchError

    try:
        with _opened(store) as opened:
            row = change(_desk(opened, departments), _by(opened, who[0], from_stdin=who[1]))
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json(row)
    else:
        say(told)


def _by(store: Store, account: str | None, *, from_stdin: bool) -> Actor:
    from dispatch_api.accounts.model import Role

    return acting(store, account, from_stdin=from_stdin, roles=(Role.ADMIN,))


def _desk(store: Store, departments: Path | None) -> ReceiverDesk:
    from dispatch_api.deliveries.receivers import ReceiverDesk
    from dispatch_api.departments.model import load_departments

    return ReceiverDesk(store, departments=load_departments(departments))


def _opened(url: str | None) -> Store:
    from dispatch_api.store import open_store

    return open_store(url or Settings().store)


def _line() -> str:
    return sys.stdin.readline().rstrip("\r\n")
