"""The command `python -m health.probe`: measures a running service, which need not be this one."""

import json
import math
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from health.measure import Report, measure

DESCRIPTION = """\
Sends GET requests to the URLs in turn, at a steady pace, each on a new connection, and judges the answers.
"""

EPILOG = """\
A request fails if its answer is not complete in time or its status is not 200 to 399; redirects are not followed.
Latency is the time from the lookup of the host's name to the last byte of the answer. Its 95th percentile is the
nearest rank, rounded up, among the requests that succeeded; among all if none did.

The result is one line of JSON on stdout:
  {"requests":60,"failures":{"status 500":3},"failurePercent":5,"p95Milliseconds":12,"passed":false}
Failures are counted by kind: status NNN, timeout, connection refused, name not resolved, unavailable (anything else).

exit codes: 0 passed, 1 not passed, 2 wrong usage
"""


def main(arguments: list[str]) -> int:
    """Measure what the arguments ask for, print the result and return the exit code."""
    options = parser().parse_args(arguments)
    report = Report.of(measure(options.urls, options.host, options.requests, options.rate, options.timeout_seconds))
    passed = (
        report.failure_percent <= options.max_failure_percent
        and report.p95_milliseconds <= options.max_p95_milliseconds
    )
    percent = round(report.failure_percent, 2)
    result = {
        "requests": report.requests,
        "failures": report.failures,
        "failurePercent": int(percent) if percent.is_integer() else percent,
        "p95Milliseconds": report.p95_milliseconds,
        "passed": passed,
    }
    sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    return 0 if passed else 1


def parser() -> ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = ArgumentParser(
        prog="python -m health.probe",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("urls", metavar="URL", nargs="+", type=url, help="such as http://orders/health/ready")
    parser.add_argument(
        "--host", metavar="NAME", help="whom the requests ask for in their Host header (default: the host of the URL)"
    )
    for name, kind, default, purpose in (
        ("--requests", whole_number(1, 10_000), 60, "how many in all, 1 to 10000"),
        ("--rate", number(0.1, 100), 10, "how many a second, 0.1 to 100"),
        ("--timeout-seconds", number(0.1, 60), 2, "how long a single one may take, 0.1 to 60"),
        ("--max-failure-percent", number(0, 100), 1, "how many may fail, 0 to 100"),
        (
            "--max-p95-milliseconds",
            whole_number(1, 60_000),
            500,
            "how high the 95th percentile of latency may be, 1 to 60000",
        ),
    ):
        parser.add_argument(name, metavar="NUMBER", type=kind, default=default, help=f"{purpose} (default {default})")
    return parser


def url(text: str) -> SplitResult:
    """Return an address, taken apart."""
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        message = f"{text!r}: expects one like http://orders/health/ready"
        raise ArgumentTypeError(message)
    return parts


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number from the least to the most that is allowed."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            message = f"{text!r}: expects a whole number from {least} to {most}"
            raise ArgumentTypeError(message)
        return int(text)

    return read


def number(least: float, most: float) -> Callable[[str], float]:
    """Return what reads a number from the least to the most that is allowed."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            message = f"{text!r}: expects a number from {least} to {most}"
            raise ArgumentTypeError(message)
        return value

    return read


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
