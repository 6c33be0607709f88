"""`flyonce dataset`: training sets out of a city's own work."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from flyonce.cli.convert import convert
from flyonce.cli.options import AsJson, StoreUrl
from flyonce.cli.output import emit_json, fail, progress, say
from flyonce.cli.who import OwnStdinOption, acting
from flyonce.settings import Settings

app = typer.Typer(
    name="dataset",
    help="Training sets: out of reviewers' verdicts, and out of public data sets.",
    rich_markup_mode=None,
)

SinceOption = Annotated[str | None, typer.Option("--since", help="Verdicts from this day (or moment) on.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Verdicts up to this day, included (or moment, not).")]


app.command()(convert)


@app.callback()
def group() -> None:
    """Training sets: out of reviewers' verdicts, and out of public data sets."""


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="New or empty folder for the set.")],
    since: SinceOption = None,
    until: UntilOption = None,
    store: StoreUrl = None,
    redact: Annotated[
        bool,
        typer.Option("--redact/--as-is", help="People and plates hidden; or the originals, with --by and --reason."),
    ] = True,
    by: Annotated[str | None, typer.Option("--by", help="Account (role centre) that answers for --as-is.")] = None,
    password_stdin: OwnStdinOption = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why the originals are opened; is logged.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write what reviewers confirmed and rejected, and sightings near their threshold, as a YOLO set.

    The command works on the store itself: whoever may read its file and folder can run it. By default it reads only the
    pictures in which people and plates are hidden already. `--as-is` opens the sealed originals: an account with the
    role `centre` must answer for it with a reason, and every opening is in the history before the file is read.
    """
    from dispatch_api.cases.matters import load_matters
    from dispatch_api.store import open_store
    from dispatch_api.verdicts.service import VerdictDesk
    from flyonce.dataset import NothingToExport, Opening, export_dataset
    from vision.training.errors import BadDataSetError

    zone = load_matters().calendar.time_zone
    since_at, until_at = _moment(since, "--since", zone), _moment(until, "--until", zone, end_of_day=True)
    if since_at is not None and until_at is not None and since_at >= until_at:
        fail(f"--since {since} is not before --until {until}; give an earlier --since")
    if not redact and not (by and by.strip() and reason and reason.strip()):
        fail("--as-is opens sealed originals; say who answers for it with --by ACCOUNT and why with --reason TEXT")
    if redact and (by or reason):
        fail("--by and --reason are for --as-is; the redacted pictures are no sealed originals")
    with open_store(store or Settings().store) as opened:
        opening = None
        if not redact:
            proven = acting(opened, by, from_stdin=password_stdin)
            opening = Opening(by=VerdictDesk(opened).opener(proven.name), reason=str(reason))
        try:
            with progress("exporting") as ticker:
                result = export_dataset(
                    opened,
                    out,
                    since_at=since_at,
                    until_at=until_at,
                    opening=opening,
                    on_total=ticker.total,
                    on_sample=ticker.advance,
                )
        except NothingToExport as error:
            fail(f"{error} in that time; nothing was written. Name an earlier --since, or review some cases")
        except BadDataSetError as error:
            fail(error)
    if as_json:
        emit_json(asdict(result))
        return
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in result.pictures.items())
    say(f"{result.out}: {result.verdicts['confirmed']} confirmed, {result.verdicts['rejected']} rejected → {parts}")
    for why, count in result.left_out.items():
        say(f"left out: {count} × {why}")
    if not result.redacted:
        say(f"people and plates are NOT hidden in it; opening {result.originals_opened} originals is in the history")


def _moment(text: str | None, option: str, zone: ZoneInfo, *, end_of_day: bool = False) -> datetime | None:
    """A day of the city's time zone, or a moment with its own offset."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is not None:
        _refuse_odd_year(day, text, option)
        return datetime.combine(day + timedelta(days=end_of_day), time(), zone)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: is no date; write 2026-11-01, or 2026-11-01T08:00+08:00")
    if moment.tzinfo is None:
        fail(f"{option} {text}: has no time zone; add it, like {text}+08:00, or give the day alone")
    _refuse_odd_year(moment, text, option)
    return moment


def _refuse_odd_year(day: date, text: str, option: str) -> None:
    """Refuse what a clock cannot reckon with, and nobody means."""
    if not 1970 <= day.year <= 3000:
        fail(f"{option} {text}: no verdict is of the year {day.year}; check the date")
