"""`flyonce figures`: what became of the cases of a month, by department and matter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyonce.cli.options import AsJson, StoreUrl
from flyonce.cli.output import emit_json, fail, say
from flyonce.settings import Settings


def figures(
    month: Annotated[str, typer.Option(help="The month in which the cases were dispatched, like 2026-11.")],
    store: StoreUrl = None,
    csv: Annotated[Path | None, typer.Option(help="Write them as a table, for a spreadsheet.")] = None,
    matters: Annotated[Path | None, typer.Option(help="The city's matters, in place of the defaults.")] = None,
    departments: Annotated[Path | None, typer.Option(help="The city's departments, in place of the defaults.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count what became of the cases that were dispatched in a month."""
    from dispatch_api.cases.matters import load_matters
    from dispatch_api.departments.model import load_departments
    from dispatch_api.errors import DispatchError
    from dispatch_api.figures import views
    from dispatch_api.figures.model import Month
    from dispatch_api.store import open_store

    try:
        wanted, city, names = Month.parse(month), load_matters(matters), load_departments(departments)
        with open_store(store or Settings().store) as opened, opened.read() as connection:
            lines = views.figures_of(connection, wanted, account=None, matters=city)
    except DispatchError as error:
        fail(error)
    told = views.as_json(lines, wanted, matters=city, departments=names)
    if csv is not None:
        try:
            csv.write_text(views.as_csv(lines, wanted, matters=city, departments=names), encoding="utf-8")
        except OSError as error:
            fail(f"{csv} cannot be written ({error.strerror}); name a file in a folder that exists.")
    if as_json:
        emit_json(told | {"csv": None if csv is None else str(csv)})
        return
    say(f"{wanted.text}: {len(lines)} lines")
    for line in told["lines"]:
        rates = "  ".join(
            f"{name} {_percent(line[key])}"
            for key, name in (
                ("closing_rate", "结案率"),
                ("on_time_rate", "按期结案率"),
                ("rework_rate", "返工率"),
                ("delay_rate", "延期率"),
                ("recurrence_rate", "反复率"),
            )
        )
        say(f"{line['department_zh']} / {line['matter_zh']}: 派遣 {line['dispatched']}  {rates}")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
