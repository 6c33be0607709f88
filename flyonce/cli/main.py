"""Entry point `flyonce`: registers the commands and maps errors to exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from flyonce.cli import accounts, analyze, db, demo, detect, doctor, flight, locate, serve
from flyonce.cli.errors import exit_code_for
from flyonce.cli.output import set_up_logging, stderr

app = typer.Typer(
    name="flyonce",
    help="综合飞一次: plan a flight, fly it, find what is wrong below, hand each finding to its department.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(db.app, name="db")
app.add_typer(accounts.app, name="accounts")
for command in (
    demo.demo,
    flight.plan,
    flight.vehicle,
    flight.upload,
    flight.fly,
    detect.detect,
    locate.locate,
    analyze.analyze,
    serve.serve,
    doctor.doctor,
):
    app.command()(command)


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
        code = exit_code_for(error)
        if code is None:
            raise
        stderr.print("error:", style="bold red", end=" ")
        stderr.print(str(error), markup=False)
        sys.exit(code)
