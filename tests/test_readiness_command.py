"""Promise: the command readiness prints what fails, and also checks images and running services."""

import datetime
import http.server
import json
import re
import subprocess
import sys
import threading
from subprocess import PIPE

import pytest
from readiness.cli import main
from readiness.container_image import check_image
from readiness.registry import select_checks
from readiness.repository import Repository
from readiness.running_service import HEADERS, TLS_HEADER

from tests import containers
from tests.combinations import LANGUAGES
from tests.test_readiness import GO, check, edit


def sign(project, item, days):
    """Sign an item off, for a number of days from today."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    date, expires = today - datetime.timedelta(days=2), today + datetime.timedelta(days=days)
    (project / "readiness.yml").write_text(f"{item}: {{name: Ada Lovelace, date: {date}, expires: {expires}}}\n")


# Formats, options and exit codes


@pytest.fixture
def broken(emit):
    """Return a project in which one item fails."""
    project = emit(**GO)
    edit(project, "Dockerfile", "USER 65532:65532\nENV APP_ENV", "USER root\nENV APP_ENV")
    return project


def test_the_text_lists_failures_and_a_summary(broken, capsys):
    assert main([], broken) == 1
    printed = capsys.readouterr().out
    pattern = (
        r"Security\n  FAIL    numeric-user: .+\n          Dockerfile:\d+: USER root: expected a number that is not 0\n\n"
        r"\d+ pass, 1 fail, \d+ manual\n"
    )
    assert re.fullmatch(pattern, printed)


def test_the_verbose_text_lists_every_item(broken, capsys):
    assert main(["--verbose"], broken) == 1
    printed = capsys.readouterr().out
    assert re.search(r"^  FAIL    numeric-user: ", printed, re.MULTILINE)
    assert re.search(r"^  pass    readiness-probe: deploy/base/deployment.yaml:\d+: ", printed, re.MULTILINE)
    assert re.search(r"^  manual  on-call: ", printed, re.MULTILINE)
    assert len(re.findall(r"^  (?:FAIL|pass|manual) +[a-z-]+: ", printed, re.MULTILINE)) == len(check(broken))


@pytest.mark.parametrize(("days", "is_listed"), [(0, True), (30, True), (31, False)])
def test_the_text_lists_sign_offs_that_expire_soon(emit, capsys, days, is_listed):
    project = emit(**GO)
    sign(project, "rollback-tried", days)
    assert main([], project) == 0
    printed = capsys.readouterr().out
    assert (f"  EXPIRES rollback-tried: in {days} days" in printed) == is_listed
    assert len(printed.splitlines()) == (4 if is_listed else 1)


def test_json_lists_the_same_for_programs(broken, capsys):
    assert main(["--format", "json"], broken) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["fail"] == 1
    assert printed["pass"] + printed["fail"] + printed["manual"] == len(printed["items"])
    wrong = next(item for item in printed["items"] if item["status"] == "fail")
    assert wrong["item"] == "numeric-user"
    assert wrong["section"] == "Security"
    assert wrong["evidence"][0]["file"] == "Dockerfile"
    assert (broken / "Dockerfile").read_text().splitlines()[wrong["evidence"][0]["line"] - 1] == "USER root"


def test_markdown_is_a_table_that_begins_with_what_fails(broken, capsys):
    assert main(["--format", "markdown"], broken) == 1
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert "numeric-user" in rows[2]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


@pytest.mark.parametrize(
    "arguments", [["--format", "xml"], ["--url", "orders"], ["--url", "ftp://orders"], ["--strict"]]
)
def test_invalid_arguments_print_the_usage(broken, arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments, broken)
    assert caught.value.code == 2
    assert "usage: readiness" in capsys.readouterr().err


def test_a_reader_of_the_first_lines_only_sees_no_error(emit):
    command = [sys.executable, "-m", "readiness", "--verbose"]
    with subprocess.Popen(command, cwd=emit(**GO), stdout=PIPE, stderr=PIPE, text=True) as program:
        program.stdout.close()
        assert program.stderr.read() == ""
    assert program.returncode == 0


# A running service


class Service(http.server.BaseHTTPRequestHandler):
    """Answer as the services do, except for `answers`."""

    answers: dict[str, int]
    headers_sent: set[str]

    def do_GET(self):
        self.send_response(self.answers.get(self.path, 404))
        for header in self.headers_sent:
            self.send_header(header, "x")
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}')

    def log_message(self, *_):
        """Write no log."""


@pytest.fixture
def serve():
    """Return a function that starts a service and returns its address."""
    servers = []

    def start(answers, headers):
        handler = type("Handler", (Service,), {"answers": answers, "headers_sent": headers})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


HEALTHY = {"/": 200, "/health": 200, "/health/ready": 200, "/health/detailed": 401}


@pytest.mark.parametrize(
    ("answers", "missing", "items"),
    [
        ({}, None, set()),
        ({}, "Strict-Transport-Security", set()),  # without TLS browsers do not heed it
        ({"/health/ready": 503}, None, {"health-endpoints"}),
        ({"/health": 302}, None, {"health-endpoints"}),
        ({"/health/detailed": 200}, None, {"detailed-health-closed"}),
        ({"/metrics": 200}, None, {"metrics-closed"}),
        ({}, "X-Frame-Options", {"security-headers"}),
    ],
)
def test_a_running_service_is_checked(emit, serve, monkeypatch, capsys, answers, missing, items):
    url = serve(HEALTHY | answers, {*HEADERS, TLS_HEADER} - {missing})
    code = main(["--url", url, "--format", "json"], emit(**GO))
    printed = json.loads(capsys.readouterr().out)
    assert {item["item"] for item in printed["items"] if item["status"] == "fail"} == items
    assert code == bool(items)


def test_a_service_that_does_not_answer_fails(emit, monkeypatch, capsys):
    assert main(["--url", "http://127.0.0.1:9"], emit(**GO)) == 1
    assert "/health answers 0: expected 200" in capsys.readouterr().out


# An image


@pytest.mark.needs("docker")
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_image_is_inspected_and_started(images, render, language):
    project = render(language=language, services=[])
    seen = check_image(images(language, []), Repository(project))
    assert not [str(finding) for findings in seen.values() for finding in findings if not finding.is_good]
    assert set(seen) == {
        "numeric-user",
        "multi-stage",
        "fail-fast",
        "example-secrets-refused",
        "no-secrets-in-image",
        "runs-read-only",
        "own-healthcheck",
        "detailed-health-closed",
        "security-headers",
        "stops-in-time",
    }
    assert set(seen) <= set(select_checks(Repository(project).answers))


@pytest.mark.needs("docker")
def test_what_is_wrong_with_an_image_is_caught(images, render, tmp_path):
    good = images("go", [])
    (tmp_path / ".env").write_text("JWT_SECRET=x\n")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {good}\nCOPY .env /.env\nENV REGISTRY_TOKEN=abcdef\nUSER 0\nHEALTHCHECK NONE\n"
        'ENV JWT_SECRET=a-secret-that-is-long-enough-for-the-service\nENTRYPOINT ["/server", "healthcheck"]\n'
    )
    bad = "deployment-patterns-test/unready"
    containers.docker("build", "--pull=false", "--quiet", "--tag", bad, str(tmp_path))
    seen = check_image(bad, Repository(render(language="go", services=[])))
    wrong = {item for item, findings in seen.items() if any(not finding.is_good for finding in findings)}
    assert wrong == {"numeric-user", "fail-fast", "example-secrets-refused", "no-secrets-in-image", "runs-read-only"}
    assert len([finding for finding in seen["no-secrets-in-image"] if not finding.is_good]) == 2


@pytest.mark.needs("docker")
def test_an_image_that_does_not_exist_is_an_error(render, capsys):
    assert main(["--image", "deployment-patterns-test/none:none"], render(language="go", services=[])) == 1
    assert "cannot inspect the image" in capsys.readouterr().err
