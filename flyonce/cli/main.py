"""Entry point `flyonce`: finds the commands and maps errors to exit codes.

A command's module is imported only when that command runs: `flyonce --help` need not wait for databases and networks.
Typer brings click's classes under one name or another, depending on its version; so they are `Any` here.
"""

# ruff: noqa: ANN401

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from flyonce.cli.output import set_up_logging, stderr

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("flyonce.cli.demo", "Run the whole chain on a staged district, and open it in the browser."),
    "plan": ("flyonce.cli.plan", "Plan a flight over an area and write it for ground stations."),
    "reflight": ("flyonce.cli.reflight", "Plan the shortest flights over what waits for proof, and overdue ground."),
    "due": ("flyonce.cli.reflight", "Tell which fixed plans a calendar brings on which day."),
    "convert": ("flyonce.cli.mission_files", "Write a mission for another ground station, or for a DJI dock."),
    "vehicle": ("flyonce.cli.vehicle", "Run simulated MAVLink vehicles."),
    "upload": ("flyonce.cli.flight", "Upload a mission with its fence, read it back and compare."),
    "fly": ("flyonce.cli.flight", "Arm, start the uploaded mission and follow it to its end."),
    "fly-command": ("flyonce.cli.flight_orders", "Pause a flight under way, resume it, or call it home."),
    "signing-key": ("flyonce.cli.vehicle", "Make the key of a vehicle that obeys only signed messages."),
    "detect": ("flyonce.cli.detect", "Find water, waste, people, boats, vehicles and bins in pictures."),
    "telemetry": ("flyonce.cli.telemetry", "Read the poses that a drone recorded, and say what is wrong with them."),
    "locate": ("flyonce.cli.locate", "Put pixels of a photo on the ground, with their error."),
    "analyze": ("flyonce.cli.analyze", "Detect, locate, group and record what a flight's photos show."),
    "coverage": ("flyonce.cli.coverage", "Tell what ground was looked at, how finely, and what is left to fly."),
    "train": ("flyonce.cli.train", "Fine-tune a model on labelled pictures, or resume a run; needs the extra [train]."),
    "evaluate": ("flyonce.cli.evaluate", "Measure the models on a labelled set: mAP, IoU, by size and viewpoint."),
    "export": ("flyonce.cli.export", "Turn a training run into a model folder: ONNX and card."),
    "serve": ("flyonce.cli.serve", "Serve API and pages."),
    "figures": ("flyonce.cli.figures", "Count what became of the cases of a month, by department and matter."),
    "doctor": ("flyonce.cli.doctor", "Check this installation."),
}
GROUPS: dict[str, tuple[str, str]] = {
    "db": ("flyonce.cli.db", "Care of the store: bring it to this version's schema, check it."),
    "route": ("flyonce.cli.route", "Routing rules: which one fires for what, and why not the others."),
    "zones": ("flyonce.cli.zones", "A city's own layers into a zones file, checked and mended."),
    "dataset": ("flyonce.cli.dataset", "Training sets: out of reviewers' verdicts, and out of public data sets."),
    "scenes": ("flyonce.cli.scenes", "Render labelled training pictures with Blender; needs the extra [scenes]."),
    "evidence": ("flyonce.cli.evidence", "Evidence packs and their check; sealed originals, holds, quota."),
    "accounts": ("flyonce.cli.accounts", "Who may log in."),
    "receivers": ("flyonce.cli.receivers", "Who is told of cases and tasks, and where."),
    "deliveries": ("flyonce.cli.deliveries", "Messages on their way to receivers, and again."),
    "keys": ("flyonce.cli.keys", "What machines come in with."),
}
_ALL = COMMANDS | GROUPS


class LazyGroup(TyperGroup):
    """Knows its commands by name and one line each, and imports a command when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the chain."""
        return list(_ALL)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command."""
        if cmd_name not in _ALL:
            return None
        module = import_module(_ALL[cmd_name][0])
        if cmd_name in GROUPS:
            return _named(typer.main.get_group(module.app), cmd_name)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        alone.command(cmd_name)(getattr(module, cmd_name.replace("-", "_")))
        return _named(typer.main.get_command(alone), cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list in `--help`, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _ALL.items()])


def _named(command: Any, name: str) -> Any:
    command.name = name
    return command


app = typer.Typer(
    name="flyonce",
    cls=LazyGroup,
    help="综合飞一次: plan a flight, fly it, find what is wrong below, hand each finding to its department.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is being done, on stderr.")] = False,
) -> None:
    """综合飞一次."""
    set_up_logging(verbose=verbose)


def run() -> None:
    """Run the command line; an expected error becomes one line on stderr and an exit code."""
    try:
        app()
    except KeyboardInterrupt:
        stderr.print("stopped")
        sys.exit(130)
    except Exception as error:
        from flyonce.cli.errors import exit_code_for

        code = exit_code_for(error)
        if code is None:
            raise
        stderr.print("error:", style="bold red", end=" ")
        stderr.print(str(error), markup=False)
        sys.exit(code)
