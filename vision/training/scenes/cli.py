"""`python -m vision.training.scenes …`: render scenes, look at them, count what is in them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from vision.training.scenes.assets import PARTS
from vision.training.steps import run_step


def _render(options: argparse.Namespace) -> object:
    from vision.training.scenes.generate import Order, render

    began = time.monotonic()

    def told(done: int, total: int) -> None:
        print(f"\r{done} of {total} pictures, {time.monotonic() - began:.0f} s", end="", file=sys.stderr)  # noqa: T201

    return render(
        Order(
            out=options.out, grounds=options.grounds, counts={part: getattr(options, part) for part in PARTS},
            seed=options.seed, size_px=options.size_px, samples=options.samples, threads=options.threads,
            share=tuple(options.share),
        ),
        told,
    )  # fmt: skip


def _sheet(options: argparse.Namespace) -> object:
    from vision.training.scenes.inspect import sheet

    return {"pictures": sheet(options.out, options.part, options.picture, first=options.first, count=options.count)}


def _summary(options: argparse.Namespace) -> object:
    from vision.training.scenes.inspect import summary

    return summary(options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vision.training.scenes", description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")
    step = steps.add_parser("render", help="render what is missing of a set (needs the extra 'scenes')")
    step.add_argument("--out", type=Path, required=True)
    step.add_argument("--grounds", type=Path, required=True, help="folder that holds the orthophotos of deepforest")
    step.add_argument("--train", type=int, default=1200)
    step.add_argument("--val", type=int, default=120)
    step.add_argument("--test", type=int, default=180)
    step.add_argument("--seed", type=int, default=1)
    step.add_argument("--size-px", type=int, default=640)
    step.add_argument("--samples", type=int, default=1, help="rays per pixel")
    step.add_argument("--threads", type=int, default=1)
    step.add_argument(
        "--share", type=int, nargs=2, default=(0, 1), metavar=("I", "N"), help="this is process I of N on the same set"
    )
    step.set_defaults(run=_render)
    step = steps.add_parser("sheet", help="draw a sheet of pictures with their labels")
    step.add_argument("--out", type=Path, required=True)
    step.add_argument("--part", choices=PARTS, default="train")
    step.add_argument("--picture", type=Path, required=True, help="file to write")
    step.add_argument("--first", type=int, default=0)
    step.add_argument("--count", type=int, default=12)
    step.set_defaults(run=_sheet)
    step = steps.add_parser("summary", help="count pictures and things by class, size, height and view")
    step.add_argument("--out", type=Path, required=True)
    step.set_defaults(run=_summary)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; prints what it did as JSON and returns the exit code."""
    return run_step(_parser(), arguments)
