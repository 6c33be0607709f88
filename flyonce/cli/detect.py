"""`flyonce detect`: what the models find in pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer

from flyonce.cli.output import EXIT_BAD_INPUT, emit_json, fail, progress, say, stdout
from flyonce.settings import Settings
from vision.detections import Detections
from vision.drawing import draw
from vision.errors import ModelError, PhotoError
from vision.frame import Frame
from vision.onnx_detector import detect_many, load_detectors
from vision.sources.photos import photo_paths, read_frame

_JPEG_QUALITY = 92


def detect(
    images: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for copies with the findings drawn in.")] = None,
    conf: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Least confidence, instead of each model's own.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of the models, instead of the installed ones.")] = None,
) -> None:
    """Find water, waste, people, boats, vehicles and bins in pictures.

    Width, height and all pixel coordinates are those of the picture as displayed, that is turned as its EXIF
    orientation says: x to the right and y down from its top left corner. A file that cannot be read is reported
    and left out; the others are done all the same, and the exit code is 2.
    """
    settings = Settings()
    try:
        detector = load_detectors(
            models or settings.models_dir, engine=settings.engine, workers=settings.workers, least_confidence=conf
        )
    except ModelError as error:
        fail(error)
    if out is not None:
        _make_folder(out)
    problems: list[PhotoError] = []
    paths = _listed(images, problems)
    results = []
    with progress("detecting", total=len(paths)) as ticker:
        for frame, found in detect_many(detector, _readable(paths, problems)):
            results.append(_as_json(frame, found))
            if not as_json:
                stdout.print(_in_words(frame, found), markup=False)
            if out is not None:
                _save(out, frame, found)
            ticker.advance()
    if as_json:
        emit_json({"images": results, "problems": [_problem(error) for error in problems]})
    for problem in problems:
        say(f"error: {problem}")
    if problems:
        say(f"{len(problems)} of {len(results) + len(problems)} inputs could not be used")
        raise typer.Exit(EXIT_BAD_INPUT)


def _listed(places: Sequence[Path], problems: list[PhotoError]) -> list[Path]:
    """Expand folders; places that cannot be used go to `problems`."""
    paths: list[Path] = []
    for place in places:
        try:
            paths.extend(photo_paths(place))
        except PhotoError as error:
            problems.append(error)
    return list(dict.fromkeys(paths))


def _readable(paths: Sequence[Path], problems: list[PhotoError]) -> Iterator[Frame]:
    for index, path in enumerate(paths):
        try:
            yield read_frame(path, index=index)
        except PhotoError as error:
            problems.append(error)


def _as_json(frame: Frame, found: Detections) -> dict[str, Any]:
    width, height = frame.size_wh_px
    return {
        "image": frame.source,
        "width": width,
        "height": height,
        "detections": [
            {
                "label": label,
                "confidence": round(float(confidence), 4),
                "box_xyxy_px": [round(float(value), 1) for value in box],
                "polygon_px": None if polygon is None else [[round(float(v), 1) for v in point] for point in polygon],
            }
            for box, confidence, label, polygon in zip(
                found.boxes_xyxy_px, found.confidence, found.labels, found.polygons_px, strict=True
            )
        ],
    }


def _in_words(frame: Frame, found: Detections) -> str:
    counts = {label: found.labels.count(label) for label in sorted(set(found.labels))}
    words = ", ".join(f"{count} {label}" for label, count in counts.items())
    return f"{frame.source}: {words or 'nothing found'}"


def _problem(error: PhotoError) -> dict[str, str]:
    return {"image": str(error.path), "problem": error.problem, "remedy": error.remedy}


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{folder}: cannot be made a folder ({error.strerror}); name another with --out")


def _save(folder: Path, frame: Frame, found: Detections) -> None:
    name = f"{frame.index:04d}-{Path(frame.source).stem}.jpg"
    drawn = draw(frame.image_bgr, found)
    encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    try:
        (folder / name).write_bytes(encoded.tobytes())
    except OSError as error:
        fail(f"{folder / name}: cannot be written ({error.strerror}); make room or name another folder with --out")
