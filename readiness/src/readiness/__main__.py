"""Run the command: `python -m readiness`."""

from readiness.cli import run

run()
