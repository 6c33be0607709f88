"""`flyonce export`: from a training run to a model folder that the product runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from flyonce.cli.options import AsJson
from flyonce.cli.output import EXIT_FAILURE, emit_json, fail, progress, say, stdout
from flyonce.settings import Settings
from vision.errors import ModelError, PhotoError
from vision.training.cards import card_of_run, write_card
from vision.training.dataset import DataSet, read_data_set
from vision.training.errors import ExportMismatchError, TrainingError
from vision.training.export import export_model
from vision.training.quantize import MOST_LOSS, Loss, quantize_model
from vision.training.runs import facts_of_begun_run, held_out_pictures
from vision.training.train import BEST, prepare_environment

_COMPARED = 5


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `flyonce train`.")],
    out: Annotated[Path, typer.Option(help="Folder to make, like models/mine; its name is the model's.")],
    input_px: Annotated[
        int | None, typer.Option(help="Side of the input, a multiple of 32. Default: as it was trained.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantize the convolutions; kept only if it costs less than one point.")
    ] = False,
    calibrate: Annotated[
        Path | None, typer.Option(help="Data set with train and val for --int8. Default: the run's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's best checkpoint as model.onnx with its card; needs the extra `train`.

    The export is compared with the trained network on held-out pictures and refused if they differ by more than
    rounding. With --int8, both are measured on the val part; exit code 1 if eight bits cost a point or more, and then
    the model stays at 32 bits. Next: `flyonce evaluate --choose-thresholds`, then `flyonce evaluate --write-card`.
    """
    if input_px is not None and (input_px < 32 or input_px % 32):
        fail(f"--input-px {input_px}: is no multiple of 32; give one")
    if out.exists():
        fail(f"{out}: is there already; name a new folder with --out")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    folder = partial / out.name
    loss: Loss | None = None
    try:
        facts = facts_of_begun_run(run)
        prepare_environment(1, quiet=True)
        side = input_px or int(facts["recipe"]["input_px"])
        difference = _written(run, folder, facts, side)
        if int8:
            loss = _quantized(folder, calibrate or Path(facts["data_set"]))
        folder.rename(out)
    except (TrainingError, ModelError, PhotoError) as error:
        fail(error, code=EXIT_FAILURE if isinstance(error, ExportMismatchError) else 2)
    except OSError as error:
        fail(f"{error.filename or out}: {error.strerror}; make room, or name another folder with --out")
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    result = {"model": str(out), "input_px": side, "greatest_difference": difference, **_in_words(loss)}
    if as_json:
        emit_json(result)
    else:
        stdout.print(f"{out}: answers as the trained network does, within {difference:.2g}", markup=False)
    if loss is not None and not loss.bearable:
        fail(
            f"{out}: eight bits cost {loss.points:.2f} points of {loss.measure} "
            f"({loss.before:.4f} to {loss.after:.4f}), {MOST_LOSS:g} are allowed; the model stays at 32 bits",
            code=EXIT_FAILURE,
        )
    if loss is not None:
        say(f"eight bits: {loss.measure} {loss.before:.4f} to {loss.after:.4f}")


def _written(run: Path, folder: Path, facts: dict[str, Any], side: int) -> float:
    with progress("exporting", total=None):
        folder.parent.mkdir(parents=True)
        log = run / "results.csv"
        difference = export_model(
            run / BEST, facts["model"], folder, input_px=side, pictures=held_out_pictures(run, _COMPARED),
            logs=[log] if log.is_file() else [],
        )  # fmt: skip
        write_card(folder, card_of_run(facts, folder, input_px=side, difference=difference))
    return difference


def _quantized(folder: Path, place: Path) -> Loss:
    train, val = _part(place, "train"), _part(place, "val")
    with progress("measuring eight bits", total=None) as ticker:
        return quantize_model(
            folder, train, val, workers=Settings().workers, on_total=ticker.total, on_picture=ticker.advance
        )


def _part(place: Path, part: str) -> DataSet:
    return read_data_set(place, part=part)


def _in_words(loss: Loss | None) -> dict[str, Any]:
    if loss is None:
        return {}
    return {
        "int8": {
            "kept": loss.bearable,
            "measure": loss.measure,
            "before": loss.before,
            "after": loss.after,
            "loss_points": round(loss.points, 3),
            "bytes_before": loss.bytes_before,
            "bytes_after": loss.bytes_after,
        }
    }
