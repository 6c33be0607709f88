"""Times what the models' run-time costs on top of the models, beside `yolo predict`, SAHI and the bare forward passes.

    python benchmarks/vision_throughput.py [film photo patrol analysis memory] [--models models]
        [--peer-python PYTHON] [--sahi-python PYTHON] [--checkpoint best.pt]

One run prints one JSON object, with the ratios; words and progress go to stderr. All works of a part take turns, and
medians count. The bare passes run as many at a time as ours. On a busy machine only the ratio of processor times holds.

film      every frame of a 1080p film as a whole: decoding, pre-processing, inference and answer, over the bare passes
photo     a photo of 4000 x 3000 in tiles, beside SAHI with tiles of the same size and overlap
patrol    a staged 1080p patrol with the sampler: times real time
analysis  `flyonce analyze` of that patrol: all it takes, what it finds of what is staged, and what it makes up
memory    resident memory over a film of half an hour

The peers run in Pythons of their own, which need `ultralytics` (and `sahi`); what is missing is left out and said.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from throughput.analysis import time_analysis
from throughput.film import time_film
from throughput.memory import watch_memory
from throughput.patrol import stage, time_patrol
from throughput.photo import time_photo
from throughput.staged import write_film, write_photo

from flyonce.cli.output import progress, say
from flyonce.settings import bundled_models_dir
from vision.engines.choosing import chosen_engine, usable_cores
from vision.model_card import CARD_FILE

PARTS = ("film", "photo", "patrol", "analysis", "memory")
FILM_WH_PX, PHOTO_WH_PX = (1920, 1080), (4000, 3000)


def main() -> None:
    """Measure and print one JSON object."""
    args = _arguments()
    left_out: list[str] = []
    models = sorted(path.parent for path in args.models.glob(f"*/{CARD_FILE}"))
    boxes = [path for path in models if path.name == "objects"] or models[:1]
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        works: dict[str, Callable[[], Any]] = {
            "film": lambda: _film(args, folder, boxes, models, left_out),
            "photo": lambda: _photo(args, folder, boxes[0], left_out),
            "patrol": lambda: _patrol(args, folder, models),
            "analysis": lambda: _analysis(args, folder),
            "memory": lambda: watch_memory(
                models, folder, minutes=args.minutes, engine=args.engine, workers=args.workers
            ),
        }
        result = {part: works[part]() for part in args.parts or PARTS}
    result |= {"engine": chosen_engine(args.engine, args.models), "workers": args.workers, "left_out": left_out}
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")
    for line in left_out:
        say(f"left out: {line}")


def _film(
    args: argparse.Namespace, folder: Path, boxes: list[Path], models: list[Path], left_out: list[str]
) -> dict[str, Any]:
    film = args.film
    if film is None:
        with progress("a film", total=args.frames) as ticker:
            film = write_film(
                folder / f"film-{args.frames}.mp4", FILM_WH_PX, frames=args.frames, fps=30, on_frame=ticker.advance
            )
    return {
        "one_model": time_film(
            boxes,
            film,
            engine=args.engine,
            workers=args.workers,
            rounds=args.rounds,
            peer_python=args.peer_python,
            checkpoint=args.checkpoint,
            left_out=left_out,
        ),
        "all_models": time_film(
            models,
            film,
            engine=args.engine,
            workers=args.workers,
            rounds=args.rounds,
            peer_python=None,
            checkpoint=None,
            left_out=[],
        ),
    }


def _photo(args: argparse.Namespace, folder: Path, model: Path, left_out: list[str]) -> dict[str, Any]:
    return time_photo(
        model,
        args.photo or write_photo(folder / "photo.jpg", PHOTO_WH_PX),
        engine=args.engine,
        workers=args.workers,
        rounds=args.rounds,
        sahi_python=args.sahi_python,
        checkpoint=args.checkpoint,
        left_out=left_out,
    )


def _patrol(args: argparse.Namespace, folder: Path, models: list[Path]) -> dict[str, Any]:
    film = stage(_patrol_folder(args, folder), seconds=args.patrol_s, size_wh_px=FILM_WH_PX)
    return time_patrol(
        models, film, engine=args.engine, workers=args.workers, looks=args.looks, rounds=min(args.rounds, 3)
    )


def _analysis(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    film = stage(_patrol_folder(args, folder), seconds=args.patrol_s, size_wh_px=FILM_WH_PX)
    return time_analysis(film.parent, models=args.models, engine=args.engine)


def _patrol_folder(args: argparse.Namespace, folder: Path) -> Path:
    given: Path | None = args.patrol
    return given or folder / "patrol"


def _arguments() -> argparse.Namespace:
    text = __doc__ or ""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which parts; all if none is named")
    parser.add_argument("--models", type=Path, default=bundled_models_dir(), help="folder of the models")
    parser.add_argument("--engine", default="onnxruntime", help="what runs ours and the bare passes")
    parser.add_argument("--workers", type=int, default=usable_cores(), help="inferences at a time")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each work")
    parser.add_argument("--film", type=Path, help="a film instead of a generated one")
    parser.add_argument("--frames", type=int, default=240, help="length of the generated film")
    parser.add_argument("--photo", type=Path, help="a photo instead of a generated one")
    parser.add_argument("--patrol", type=Path, help="folder of a staged patrol; staged there if it is empty")
    parser.add_argument("--patrol-s", type=float, default=60, help="length of the patrol to be staged, seconds")
    parser.add_argument("--looks", type=int, default=3, help="how often the sampler wants ground seen")
    parser.add_argument("--minutes", type=float, default=30, help="length of the film for the memory")
    parser.add_argument("--folder", type=Path, help="where to keep what is generated; thrown away if none is named")
    parser.add_argument("--peer-python", type=Path, help="a Python with ultralytics")
    parser.add_argument("--sahi-python", type=Path, help="a Python with sahi and ultralytics")
    parser.add_argument("--checkpoint", type=Path, help="the objects model as a .pt, for the peers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
