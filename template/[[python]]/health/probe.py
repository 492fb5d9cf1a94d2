"""The command `python -m health.probe`: measures a running service, this one or another."""

import json
import math
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from health.measure import Report, measure

DESCRIPTION = """\
Sends GET requests to the URLs in turn, at a constant rate, each on a new connection, and checks the responses.
"""

EPILOG = """\
A request fails if its response is not complete in time or its status is not 200 to 399; redirects are not followed.
Latency is the time from the name lookup to the last byte of the response. The 95th percentile is the nearest rank,
rounded up, of the successful requests, or of all if none succeeded.

The result is one line of JSON on stdout:
  {"requests":60,"failures":{"status 500":3},"failurePercent":5,"p95Milliseconds":12,"passed":false}
Kinds of failures: status NNN, timeout, connection refused, name not resolved, unavailable (anything else).

exit codes: 0 passed, 1 failed, 2 wrong usage
"""


def main(arguments: list[str]) -> int:
    """Measure, print the result and return the exit code."""
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
    """Return the argument parser."""
    parser = ArgumentParser(
        prog="python -m health.probe",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("urls", metavar="URL", nargs="+", type=url, help="such as http://orders/health/ready")
    parser.add_argument("--host", metavar="NAME", help="Host header (default: the host of the URL)")
    for name, kind, default, purpose in (
        ("--requests", whole_number(1, 10_000), 60, "total number of requests, 1 to 10000"),
        ("--rate", number(0.1, 100), 10, "requests per second, 0.1 to 100"),
        ("--timeout-seconds", number(0.1, 60), 2, "time limit of a request, 0.1 to 60"),
        ("--max-failure-percent", number(0, 100), 1, "allowed share of failures, 0 to 100"),
        (
            "--max-p95-milliseconds",
            whole_number(1, 60_000),
            500,
            "allowed 95th percentile of latency, 1 to 60000",
        ),
    ):
        parser.add_argument(name, metavar="NUMBER", type=kind, default=default, help=f"{purpose} (default {default})")
    return parser


def url(text: str) -> SplitResult:
    """Return a parsed URL."""
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
    """Return a parser of whole numbers in a range."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            message = f"{text!r}: expects a whole number from {least} to {most}"
            raise ArgumentTypeError(message)
        return int(text)

    return read


def number(least: float, most: float) -> Callable[[str], float]:
    """Return a parser of numbers in a range."""

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
