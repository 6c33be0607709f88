"""`flyonce scenes`: labelled pictures of staged sites, rendered with Blender, to train and test on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flyonce.cli.options import AsJson
from flyonce.cli.output import emit_json, fail, progress, stdout
from vision.training.errors import TrainingError
from vision.training.scenes import inspect
from vision.training.scenes.generate import Order
from vision.training.scenes.generate import render as render_order

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

Out = Annotated[Path, typer.Option(help="Folder of the scenes: train/, val/ and test/.")]


@app.command()
def render(
    out: Out,
    grounds: Annotated[Path, typer.Option(help="Folder of the unpacked data package deepforest (orthophotos).")],
    train: Annotated[int, typer.Option(min=0, help="Pictures to train on.")] = 1200,
    val: Annotated[int, typer.Option(min=0, help="Pictures to choose thresholds on.")] = 120,
    test: Annotated[int, typer.Option(min=0, help="Pictures to measure on.")] = 180,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another set.")] = 1,
    size_px: Annotated[int, typer.Option(min=64, max=4096, help="Side of a picture.")] = 640,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the renderer.")] = 1,
    share: Annotated[tuple[int, int], typer.Option(help="This is process I of N on the same set.")] = (0, 1),
    as_json: AsJson = False,
) -> None:
    """Render what is missing of a set; needs the extra `scenes`. Interrupted, it goes on where it stopped."""
    try:
        order = Order(
            out=out,
            grounds=grounds,
            counts={"train": train, "val": val, "test": test},
            seed=seed,
            size_px=size_px,
            threads=threads,
            share=share,
        )
        with progress("rendering", total=train + val + test) as bar:
            done = render_order(order, bar.reached)
    except (TrainingError, ValueError) as error:
        fail(error)
    if as_json:
        emit_json(done)
    else:
        stdout.print(f"{done['rendered']} pictures rendered, {done['cpu_seconds']:.1f} CPU seconds each", markup=False)


@app.command()
def summary(out: Out, as_json: AsJson = False) -> None:
    """Count pictures and things by class, size, height and view."""
    try:
        counted = inspect.summary(out)
    except TrainingError as error:
        fail(error)
    if as_json:
        emit_json(counted)
        return
    for part in ("train", "val", "test"):
        row = counted[part]
        labels = ", ".join(f"{count} {label}" for label, count in row["objects"].items())
        stdout.print(
            f"{part}: {row['pictures']} pictures, {row['with_reservoir']} with a reservoir, "
            f"{row['with_puddles']} with puddles; {labels or 'nothing labelled'}",
            markup=False,
        )


@app.command()
def sheet(
    out: Out,
    picture: Annotated[Path, typer.Option(help="Picture file to write.")],
    part: Annotated[Literal["train", "val", "test"], typer.Option(help="Which part.")] = "train",
    first: Annotated[int, typer.Option(min=0)] = 0,
    count: Annotated[int, typer.Option(min=1, max=100)] = 12,
) -> None:
    """Draw a contact sheet with the labels."""
    try:
        shown = inspect.sheet(out, part, picture, first=first, count=count)
    except TrainingError as error:
        fail(error)
    stdout.print(f"{picture}: {shown} pictures", markup=False)
