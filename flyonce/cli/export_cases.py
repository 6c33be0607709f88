"""`flyonce db export`: a store's cases as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flyonce.cli.output import emit_json, fail, progress, say
from flyonce.settings import Settings

_PLAIN, _GBT = (".csv", ".gpkg"), (".csv", ".json", ".xml")


def export_cases(
    out: Annotated[Path, typer.Argument(help="New file: .csv or .gpkg; with --gbt .csv, .json or .xml.")],
    store: Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")] = None,
    gbt: Annotated[bool, typer.Option("--gbt", help="The fields of GB/T 47678.5 (unverified transcription).")] = False,
    matters: Annotated[Path | None, typer.Option(help="The city's matters, in place of the defaults.")] = None,
    departments: Annotated[Path | None, typer.Option(help="The city's departments, with their codes.")] = None,
    state: Annotated[str | None, typer.Option(help="Only these states, with commas between.")] = None,
    matter: Annotated[str | None, typer.Option(help="Only these matters, with commas between.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Write all cases, or those of some states and matters, into a new file."""
    from dispatch_api.accounts.model import Account, Role
    from dispatch_api.cases.filters import CaseFilter
    from dispatch_api.cases.matters import load_matters
    from dispatch_api.departments.model import load_departments
    from dispatch_api.departments.routing import load_routing
    from dispatch_api.doors.export.files import Export
    from dispatch_api.errors import DispatchError
    from dispatch_api.store import open_store

    suffixes = _GBT if gbt else _PLAIN
    if out.suffix.lower() not in suffixes:
        fail(f"{out}: its name must end with {' or '.join(suffixes)}")
    if out.exists():
        fail(f"{out}: is there already; name a new file")
    name = "command-line"
    account = Account(
        account_id=0, name=name, display_name_zh=name, display_name_en=name, role=Role.CENTRE, department=None
    )
    partial = out.with_name(f".partial-{out.name}")
    try:
        city = load_matters(matters)
        rules = load_routing(None, matters=city, departments=load_departments(departments))
        with open_store(store or Settings().store) as opened, progress("Writing cases", total=None):
            wanted = CaseFilter(state=state, matter=matter)
            _write(Export(store=opened, matters=city, routing=rules, wanted=wanted, account=account), partial, gbt=gbt)
        partial.rename(out)
    except DispatchError as error:
        fail(error)
    except OSError as error:
        fail(f"{out}: {error.strerror}; make room, or name another file")
    finally:
        partial.unlink(missing_ok=True)
    if as_json:
        emit_json({"file": str(out), "bytes": out.stat().st_size})
    else:
        say(f"{out}: written.")


def _write(export: Any, path: Path, *, gbt: bool) -> None:  # noqa: ANN401 - imported late
    if path.suffix.lower() == ".gpkg":
        export.geopackage(path)
        return
    with path.open("wb") as file:
        for piece in export.gbt(path.suffix.lower()[1:]) if gbt else export.csv():
            file.write(piece)
