"""`python -m flyonce` is the same as the command `flyonce`."""

from flyonce.cli.main import run

run()
