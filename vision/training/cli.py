"""`python -m vision.training …`: the steps around `flyonce train` by which the models in `models/` are made."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from vision.training.steps import run_step


def _prepare(options: argparse.Namespace) -> object:
    from vision.training.prepare import prepare

    return prepare(options.data, options.out, options.synthetic)


def _pseudo_label(options: argparse.Namespace) -> object:
    from vision.training.pseudo_labels import add_pseudo_labels

    return add_pseudo_labels(options.set / "objects", options.weights, min_confidence=options.min_confidence)


def _pseudo_water(options: argparse.Namespace) -> object:
    from vision.training.pseudo_water import add_lake_masks

    return {"added": add_lake_masks(options.set, options.model_dir)}


def _dry_ground(options: argparse.Namespace) -> object:
    from vision.training.dry_ground import add_dry_ground

    return {"added": add_dry_ground(options.set, options.pictures, options.side_px, share=options.share)}


def _windows(options: argparse.Namespace) -> object:
    from vision.training.crops import cut_windows

    source = options.set / options.model
    return cut_windows(
        source,
        source.with_name(f"{options.model}_windows"),
        options.side_px,
        keep_street=options.keep,
        windows=options.windows,
    )


def _mix(options: argparse.Namespace) -> object:
    from vision.training.mixture import Ingredients
    from vision.training.mixture_objects import mix_objects
    from vision.training.mixture_water import mix_water

    things = Ingredients(
        prepared=options.set,
        flights=options.flights,
        scenes=options.scenes,
        shares={name: float(share) for name, _, share in (text.partition("=") for text in options.shares)},
        round=options.round,
        pictures=options.pictures,
        scenes_share=options.scenes_share,
    )
    return (mix_objects if options.model == "objects" else mix_water)(things, options.out)


def _share(text: str) -> float:
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"must be within 0..1, not {text}")
    return float(text)


def _blend(options: argparse.Namespace) -> object:
    from vision.training.blend import blend

    return {"checkpoint": str(blend(options.checkpoint, options.weights, options.out, share=options.share))}


def _export(options: argparse.Namespace) -> object:
    from vision.training.cards import card, training_facts, write_card
    from vision.training.export import export_model

    difference = export_model(
        options.checkpoint,
        options.model,
        options.out,
        input_px=options.input_px,
        pictures=sorted((options.set / options.model / "images" / "val").glob("*"))[:5],
        logs=options.logs,
    )
    content = card(
        options.model,
        options.out,
        input_px=options.input_px,
        thresholds={},
        training=training_facts(options.set / options.model, options.note),
        metrics={"not_measured_yet": True},
    )
    write_card(options.out, content)
    return {"model": str(options.out), "greatest_difference": difference}


def _count(options: argparse.Namespace) -> object:
    from vision.training.evaluate import count_findings

    return {str(folder): count_findings(options.model_dir, folder) for folder in options.pictures}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vision.training", description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")

    step = steps.add_parser("prepare", help="convert and divide the data sets")
    step.add_argument("--data", type=Path, required=True, help="folder that holds the data sets' folders")
    step.add_argument("--synthetic", type=Path, nargs="*", default=[], help="folders of composed pictures to mix in")
    step.add_argument("--out", type=Path, required=True, help="folder to write the training set to")
    step.set_defaults(run=_prepare)

    step = steps.add_parser("pseudo-label", help="add boxes of person, vehicle and boat that nobody labelled")
    step.add_argument("--set", type=Path, required=True, help="folder that `prepare` wrote")
    step.add_argument("--weights", type=Path, required=True, help="COCO weights (.pt)")
    step.add_argument("--min-confidence", type=float, default=0.35)
    step.set_defaults(run=_pseudo_label)

    step = steps.add_parser("pseudo-water", help="add lake pictures with masks by an earlier water model")
    step.add_argument("--set", type=Path, required=True, help="folder that `prepare` wrote")
    step.add_argument("--model-dir", type=Path, required=True, help="folder of the earlier model")
    step.set_defaults(run=_pseudo_water)

    step = steps.add_parser("dry-ground", help="add windows of a flight over dry ground to the water windows")
    step.add_argument("--set", type=Path, required=True, help="folder whose windows are cut already")
    step.add_argument("--pictures", type=Path, required=True, help="folder of one dry flight's photos")
    step.add_argument("--side-px", type=int, default=416)
    step.add_argument("--share", type=float, default=0.7, help="share of the flight to use, from its beginning")
    step.set_defaults(run=_dry_ground)

    step = steps.add_parser("windows", help="cut windows at native scale out of pictures from above, for training")
    step.add_argument("model", choices=["objects", "water"])
    step.add_argument("--set", type=Path, required=True)
    step.add_argument("--side-px", type=int, default=416)
    step.add_argument("--windows", type=int, default=2, help="windows per picture")
    step.add_argument("--keep", type=float, default=1.0, help="share of the other training pictures to keep")
    step.set_defaults(run=_windows)

    step = steps.add_parser("mix", help="put prepared sets, dry flights and rendered scenes into one set to train on")
    step.add_argument("model", choices=["objects", "water"])
    step.add_argument("--set", type=Path, required=True, help="folder that `prepare` wrote")
    step.add_argument("--flights", type=Path, nargs="*", default=[], help="folders of photos of dry ground")
    step.add_argument("--scenes", type=Path, help="folder of rendered scenes")
    step.add_argument("--shares", nargs="*", default=[], help="share of a source to take, as SOURCE=0.4")
    step.add_argument("--round", default="1", help="name of the draw; another one takes other pictures")
    step.add_argument("--pictures", type=int, help="training pictures in all (without: everything)")
    step.add_argument("--scenes-share", type=float, default=0.0, help="share of --pictures that is rendered, 0..1")
    step.add_argument("--out", type=Path, required=True, help="folder to replace")
    step.set_defaults(run=_mix)

    step = steps.add_parser("blend", help="average a checkpoint with another of its kind or the COCO weights")
    step.add_argument("checkpoint", type=Path, help="what training left (.pt); the classes are its")
    step.add_argument("weights", type=Path, help="weights of the same architecture (.pt)")
    step.add_argument("--share", type=_share, required=True, help="share of the second, 0..1")
    step.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    step.set_defaults(run=_blend)

    step = steps.add_parser("export", help="write model.onnx and a card without figures")
    step.add_argument("model", choices=["objects", "water"])
    step.add_argument("--checkpoint", type=Path, required=True, help="weights/best.pt of a run")
    step.add_argument("--set", type=Path, required=True)
    step.add_argument("--out", type=Path, required=True, help="models/<name>")
    step.add_argument("--input-px", type=int, default=640)
    step.add_argument("--logs", type=Path, nargs="*", default=[], help="results.csv of the runs, first to last")
    step.add_argument("--note", default="", help="how it was trained, for the card")
    step.set_defaults(run=_export)

    step = steps.add_parser("count", help="count what a model finds in unlabelled pictures, for its card")
    step.add_argument("--model-dir", type=Path, required=True, help="models/<name>")
    step.add_argument("--pictures", type=Path, nargs="+", required=True, help="folders of pictures")
    step.set_defaults(run=_count)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; prints what it did as JSON and returns the exit code."""
    return run_step(_parser(), arguments)
