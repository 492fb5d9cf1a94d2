"""The command line."""

import argparse
import os
import sys
from importlib.metadata import version
from pathlib import Path

import readiness.checks  # noqa: F401 # registers the checks
from readiness.container_image import check_image
from readiness.findings import ArgumentError, Finding, ReadinessError
from readiness.formats import FORMATS
from readiness.manifests import unread
from readiness.repository import Repository
from readiness.results import check_items, count
from readiness.running_service import check_service

START = """\
Check whether the repository in the current directory is ready for production.

"""
EMITTED = """\
Checks every item of READINESS.md. Each item passes or fails, with the file and line that prove it. Items that only
people can check are manual: whoever checks one signs it off in readiness.yml with name, date and expiry. An expired
sign-off fails.

Prints failures, sign-offs that expire within 30 days, and a summary. The formats json and markdown list every item.
"""
OTHER = """\
Finds Dockerfiles, workflows, manifests, dependencies and sources, and checks them. Runs no program of the repository.

outcomes:
  pass            the item holds, with the file and line that prove it
  fail            the item does not hold, with the file and line to change
  manual          only people can check the item
  not applicable  the repository has nothing that the item is about
  unknown         a program cannot judge the item

Prints failures, what cannot be judged, and a summary. The formats json and markdown list every item.
"""
EXIT_CODES = """
exit codes: 0 no item fails, 1 an item fails or cannot be checked, 2 invalid arguments
"""


def parse_arguments(
    arguments: list[str] | None, repository: Repository
) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Return the parser, and the arguments."""
    description = START + (EMITTED if repository.is_emitted else OTHER) + EXIT_CODES
    parser = argparse.ArgumentParser(
        prog="readiness", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="output format (default: text)")
    parser.add_argument("--verbose", action="store_true", help="list every item, not only failures")
    parser.add_argument("--image", help="also inspect and start this image (requires Docker)")
    parser.add_argument("--url", help="also check this running service, such as https://orders.example.com")
    parser.add_argument("--version", action="version", version=f"readiness {version('readiness')}")
    return parser, parser.parse_args(arguments)


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Check the repository, print the results, and return the exit code."""
    repository = Repository(root or Path.cwd())
    parser, options = parse_arguments(arguments, repository)
    more: dict[str, list[Finding]] = {}
    try:
        for subject, check in ((options.url, check_service), (options.image, check_image)):
            for item, findings in check(subject, repository).items() if subject else ():
                more.setdefault(item, []).extend(findings)
        results = check_items(repository, more)
    except ArgumentError as error:
        parser.error(str(error))
    except ReadinessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"error: {error.filename} is missing. Restore it.", file=sys.stderr)
        return 1
    try:
        if options.format == "text" and (left := unread(repository)):
            print(left, end="\n\n")
        print(FORMATS[options.format](results, verbose=options.verbose), flush=True)
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1 if count(results)["fail"] else 0


def run() -> None:
    """Run the command and exit."""
    sys.exit(main())
