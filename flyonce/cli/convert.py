"""`flyonce dataset convert`: a public data set into the layout that `flyonce train` and `flyonce evaluate` read."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from flyonce.cli.options import AsJson
from flyonce.cli.output import EXIT_BAD_INPUT, emit_json, fail, progress, say, stdout
from vision.training.convert.formats import FORMATS, Options, open_source
from vision.training.convert.writer import PROBLEMS_FILE, Written, write_set
from vision.training.errors import TrainingError

Format = StrEnum("Format", {name: name for name in FORMATS})  # type: ignore[misc]  # typer makes choices of it


class Link(StrEnum):
    """How pictures come into the new set."""

    copy = "copy"
    hard = "hard"
    symbolic = "symbolic"


class Division(StrEnum):
    """Who says which picture trains and which measures."""

    given = "given"
    groups = "groups"


class View(StrEnum):
    """From where the pictures are taken."""

    nadir = "nadir"
    oblique = "oblique"
    aerial = "aerial"
    ground = "ground"
    rendered = "rendered"


def convert(
    kind: Annotated[Format, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")],
    source: Annotated[Path, typer.Argument(help="Folder of the data set as downloaded, or its annotation file.")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    images: Annotated[Path | None, typer.Option(help="Folder of the pictures, if it is not found by itself.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="THEIRS=OURS: what a class is to us; THEIRS= passes it over. May be repeated."),
    ] = None,
    link: Annotated[Link, typer.Option(help="Copy the pictures, or link them.")] = Link.copy,
    split: Annotated[
        Division, typer.Option(help="Keep the source's parts, or divide all anew by groups of near-duplicates.")
    ] = Division.given,
    name: Annotated[str | None, typer.Option(help="Name of the set.")] = None,
    licence: Annotated[str | None, typer.Option(help="Its licence, for the card.")] = None,
    viewpoint: Annotated[View | None, typer.Option(help="From where the pictures are taken, for the card.")] = None,
    drop_occluded: Annotated[
        bool, typer.Option("--drop-occluded", help="VisDrone: things more than half hidden do not count.")
    ] = False,
    show_ignored: Annotated[
        bool, typer.Option("--show-ignored", help="Do not paint regions grey in which nobody labelled single things.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Convert a public data set; its card says what was looked for in it and what was not.

    Labels outside the picture, without area, of unknown classes and the like are left out, counted, and listed with
    file and line or id in problems.jsonl; then the exit code is 2. The folder appears only when it is complete.
    """
    try:
        options = Options(
            renamed=dict(_pair(text) for text in mapping or []),
            name=name,
            images=images,
            licence=licence,
            viewpoint=viewpoint.value if viewpoint else None,
            keep_occluded=not drop_occluded,
        )
        with progress("reading", total=None) as ticker:

            def stage(text: str, total: int) -> None:
                ticker.describe(text)
                ticker.reached(0, total)

            written = write_set(
                partial(open_source, kind.value, source, options),
                out,
                kind=kind.value,
                link=link.value,
                division=split.value,
                hide_ignored=not show_ignored,
                on_stage=stage,
                on_picture=ticker.advance,
            )
    except TrainingError as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename or out}: {error.strerror}; make room, or name another folder with --out")
    _tell(written, as_json=as_json)


def _tell(written: Written, *, as_json: bool) -> None:
    problems = sum(written.problems.values())
    if as_json:
        emit_json({**asdict(written), "problems_file": str(written.out / PROBLEMS_FILE)})
    else:
        pictures = ", ".join(f"{count} {part}" for part, count in written.pictures.items())
        labels = ", ".join(f"{count} {label}" for label, count in sorted(written.labels.items()))
        stdout.print(f"{written.out}: {pictures} pictures; {labels or 'nothing labelled'}", markup=False)
        if written.passed_over:
            over = ", ".join(f"{count} {name}" for name, count in sorted(written.passed_over.items()))
            stdout.print(f"passed over: {over}", markup=False)
    if problems:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(written.problems.items()))
        say(f"{problems} problems: {kinds}; listed in {written.out / PROBLEMS_FILE}")
        raise typer.Exit(EXIT_BAD_INPUT)


def _pair(text: str) -> tuple[str, str | None]:
    theirs, sign, ours = text.partition("=")
    if not theirs or not sign:
        fail(f"--map {text}: write THEIRS=OURS, like garbage=waste")
    return theirs, ours or None
