"""Promise: the built image starts under production's restrictions, becomes healthy, and responds as specified."""

import base64
import contextlib
import functools
import hashlib
import hmac
import json
import re
import tarfile
import time
from datetime import datetime

import pytest

from tests import containers
from tests.combinations import LANGUAGES

ALL = ["postgres", "redis", "external-api"]
METRICS_PORT = 9090
BEARER = {"Authorization": "Bearer " + "h" * 20}
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
}

# The content of /app in an image with every service.
IN_APP = {
    "node": {"dist", "migrations", "node_modules", "package.json"},
    "go": set(),
    "python": {".venv", "api", "config", "health", "manage.py", "pyproject.toml", "uv.lock", "web"},
}

pytestmark = pytest.mark.needs("docker")


def per_language(function):
    """Run a test for each language."""
    return pytest.mark.parametrize("language", LANGUAGES)(function)


def token(secret: str = "j" * 40, algorithm: str = "HS256", **claims: object) -> str:
    """Return a JSON Web Token (RFC 7519) signed with HMAC SHA-256, or unsigned for the algorithm `none`."""

    def encoded(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    payload = {"sub": "ada", "exp": int(time.time()) + 60} | claims
    payload = {name: value for name, value in payload.items() if value is not None}
    head = encoded(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    signed = f"{head}.{encoded(json.dumps(payload).encode())}"
    signature = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256) if algorithm != "none" else b""
    return f"{signed}.{encoded(signature)}"


def port(language: str) -> int:
    return containers.facts(language)["port"]


@pytest.fixture(scope="module")
def alone(images):
    """Return a function that starts a language's service without dependencies, once per module."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def start(language: str) -> containers.Container:
            env = containers.environment(language, [])
            started = stack.enter_context(containers.service(images(language, []), language, env))
            started.wait_for_status(port(language), "/health", 200)
            return started

        yield start


@per_language
def test_the_image_has_a_numeric_user_and_labels(images, language):
    config = json.loads(containers.docker("image", "inspect", "--format", "{{json .Config}}", images(language, ALL)))
    user = config["User"].split(":")[0]
    assert user.isdigit()
    assert int(user) > 0
    assert config["Healthcheck"]["Test"][0] == "CMD"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == "my-service"
    assert labels["org.opencontainers.image.source"] == "https://github.com/example/my-service"
    assert labels["org.opencontainers.image.version"] == "1.2.3"
    assert not [
        part for part in [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])] if part in ("sh", "/bin/sh")
    ]
    assert not [entry for entry in config["Env"] if "SECRET" in entry or "TOKEN" in entry or "DATABASE_URL" in entry]


@per_language
def test_the_image_contains_no_history_secrets_or_tests(emit, language, tmp_path):
    project = emit(language=language, services=ALL)
    canary = "canary-of-a-secret-that-must-stay-out"
    (project / ".env").write_text(f"JWT_SECRET={canary}\n")
    (project / ".git").mkdir()
    (project / ".git" / "config").write_text(canary)
    image = containers.build(project, f"deployment-patterns-test/{language}-canary")
    archive = tmp_path / "image.tar"
    containers.docker("save", "--output", str(archive), image)
    names: list[str] = []
    with tarfile.open(archive) as outer:
        for member in outer.getmembers():
            content = outer.extractfile(member)
            if content and tarfile.is_tarfile(content):
                content.seek(0)
                with tarfile.open(fileobj=content) as layer:
                    for entry in layer.getmembers():
                        names.append(entry.name)
                        if entry.isfile() and entry.size < 1_000_000:
                            assert canary.encode() not in layer.extractfile(entry).read(), entry.name
    containers.docker("rmi", image)
    assert len(names) > 100
    assert {name.split("/")[1] for name in names if re.match("app/.", name)} == IN_APP[language]
    own = [name for name in names if name.startswith(("app/", "srv/", "home/"))]
    strays = re.compile(r"(^|/)(\.git|\.env|tests?|Dockerfile|Makefile|\.github|deploy)$")
    vendored = re.compile(r"node_modules/|site-packages/|\.venv/")
    assert not [name for name in own if strays.search(name) and not vendored.search(name)]


@per_language
def test_the_healthcheck_becomes_healthy_under_production_restrictions(alone, language):
    started = alone(language)
    containers.until(lambda: started.state()["Health"]["Status"] == "healthy", 90, started.logs)
    limits = json.loads(containers.docker("inspect", "--format", "{{json .HostConfig}}", started.name))
    assert limits["ReadonlyRootfs"]
    assert limits["CapDrop"] == ["ALL"]
    uid = containers.docker("inspect", "--format", "{{.Config.User}}", started.name).split(":")[0]
    processes = containers.docker("top", started.name, "-eo", "uid,pid,args").splitlines()[1:]
    assert processes
    assert {line.split()[0] for line in processes} == {uid}


@per_language
def test_the_healthcheck_fails_without_a_running_service(images, language):
    image, command = images(language, []), containers.facts(language)["healthcheck"]
    env = containers.environment(language, [])
    with containers.container(
        image, *containers.RESTRICTED, "--entrypoint", command[0], command=tuple(command[1:]), env=env
    ) as started:
        assert started.wait(60) == 1
        assert "Traceback" not in started.logs()


@per_language
def test_the_probe_measures_a_running_service_and_requires_only_the_image(images, language):
    image, command = images(language, []), containers.facts(language)["probe"]
    env = containers.environment(language, [], ALLOWED_HOSTS="orders")  # which Django alone reads
    with containers.network() as name:

        def probe(*arguments: str) -> tuple[int, str]:
            options = (*containers.RESTRICTED, "--network", name, "--entrypoint", command[0])
            with containers.container(image, *options, command=(*command[1:], *arguments)) as probing:
                return probing.wait(120), probing.logs()

        with containers.service(image, language, env, "--network", name, "--network-alias", "orders") as started:
            started.wait_for_status(port(language), "/health", 200)
            orders = f"http://orders:{port(language)}"
            few = ("--requests=20", "--rate=20", "--timeout-seconds=10", "--max-p95-milliseconds=10000")

            code, printed = probe(f"{orders}/health", f"{orders}/health/ready", *few)
            report = json.loads(printed)
            assert (code, list(report)) == (0, ["requests", "failures", "failurePercent", "p95Milliseconds", "passed"])
            assert 0 < report.pop("p95Milliseconds") <= 10000
            assert report == {"requests": 20, "failures": {}, "failurePercent": 0, "passed": True}

            code, printed = probe(*few, f"{orders}/health", f"{orders}/nowhere")
            report = json.loads(printed)
            assert (code, report["failures"], report["failurePercent"]) == (1, {"status 404": 10}, 50)
            assert not report["passed"]

            code, printed = probe("http://orders:1/", *few)
            assert (code, json.loads(printed)["failures"]) == (1, {"connection refused": 20})

        for arguments, expected in (
            ((), "URL"),
            (("orders",), "orders"),
            (("http://orders/", "--dance"), "dance"),
            (("http://orders/", "--rate=fast"), "number from 0.1 to 100"),
        ):
            code, printed = probe(*arguments)
            assert (code, expected in printed, "Traceback" in printed) == (2, True, False), printed


@per_language
@pytest.mark.parametrize("path", ["/health", "/health/", "/health/ready", "/health/ready/"])
def test_health_and_readiness(alone, language, path):
    started = alone(language)
    answer = started.request(port(language), path)
    assert (answer.status, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Content-Type"].startswith("application/json")
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert started.request(port(language), path, "HEAD").status == 200
    assert started.request(port(language), path, "POST").status == 405


@per_language
def test_health_accepts_any_host_and_scheme_of_a_probe(alone, language):
    for headers in ({"Host": "10.1.2.3"}, {"Host": "probe.invalid"}, {"X_Forwarded_Proto": "http"}):
        assert alone(language).request(port(language), "/health/ready", **headers).status == 200


@per_language
def test_detailed_health_requires_its_token(alone, language):
    started = alone(language)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "h" * 20}, {"Authorization": "Bearer "}):
        answer = started.request(port(language), "/health/detailed", **headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for path in ("/health/detailed", "/health/detailed/"):
        answer = started.request(port(language), path, Authorization="Bearer " + "h" * 20)
        detailed = answer.json()
        assert answer.status == 200
        assert set(detailed) == {"status", "timestamp", "version", "uptime", "checks"}
        assert (detailed["status"], detailed["version"], detailed["checks"]) == ("ok", "1.2.3", {})
        assert datetime.fromisoformat(detailed["timestamp"]).utcoffset().total_seconds() == 0
        assert 0 < detailed["uptime"] < 3600


@per_language
def test_the_example_verifies_json_web_tokens(alone, language):
    started = alone(language)
    good = started.request(port(language), "/api/v1/me", Authorization=f"Bearer {token()}")
    assert (good.status, good.json()) == (200, {"subject": "ada"})
    bad = {
        "missing": "",
        "other scheme": f"Basic {token()}",
        "garbage": "Bearer a.b.c",
        "other secret": f"Bearer {token(secret='k' * 40)}",
        "expired": f"Bearer {token(exp=int(time.time()) - 3600)}",
        "without expiry": f"Bearer {token(exp=None)}",
        "without subject": f"Bearer {token(sub=None)}",
        "unsigned": f"Bearer {token(algorithm='none')}",
    }
    for reason, header in bad.items():
        answer = started.request(port(language), "/api/v1/me", **({"Authorization": header} if header else {}))
        assert answer.status == 401, reason
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), reason
        assert answer.headers["Content-Type"].startswith("application/problem+json"), reason
        assert answer.json() == {"type": "about:blank", "title": "Unauthorized", "status": 401}, reason


@per_language
def test_every_other_path_responds_with_a_problem_document(alone, language):
    started = alone(language)
    root = started.request(port(language), "/")
    assert (root.status, root.json()) == (200, {"service": "my-service", "version": "1.2.3"})
    for method, path, status in (
        ("GET", "/nowhere", 404),
        ("GET", "/metrics", 404),
        ("DELETE", "/api/v1/me", 405),
        ("GET", "/..%2f..%2fetc/passwd", 404),
    ):
        answer = started.request(port(language), path, method)
        assert answer.status == status, path
        assert answer.headers["Content-Type"].startswith("application/problem+json"), path
        assert answer.json()["status"] == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    large = started.request(port(language), "/", "POST", body=b"x" * (1024 * 1024 + 1))
    assert large.status in (405, 413)


@per_language
def test_the_log_line_of_a_request_has_its_request_id(alone, language):
    started = alone(language)
    assert started.request(port(language), "/", X_Request_Id="abc-1.2_3").headers["X-Request-Id"] == "abc-1.2_3"
    made = {started.request(port(language), "/", X_Request_Id="not valid!").headers["X-Request-Id"] for _ in range(2)}
    assert len(made) == 2
    assert "not valid!" not in made
    started.request(port(language), "/api/v1/me?token=hidden-in-query", X_Request_Id="the-401")

    def line() -> dict:
        return next((e for e in map(json.loads, started.logs().splitlines()) if e.get("requestId") == "the-401"), {})

    containers.until(line, 30, started.logs)
    assert line() | {"time": "", "durationMs": 0} == {
        "time": "",
        "level": "info",
        "msg": "request",
        "service": "my-service",
        "version": "1.2.3",
        "requestId": "the-401",
        "method": "GET",
        "path": "/api/v1/me",
        "status": 401,
        "durationMs": 0,
    }
    assert datetime.fromisoformat(line()["time"]).tzinfo
    assert "hidden-in-query" not in started.logs()
    probes = [entry for entry in map(json.loads, started.logs().splitlines()) if "/health" in entry.get("path", "")]
    assert not [probe for probe in probes if probe["method"] == "GET" and probe["status"] < 400]


@per_language
def test_metrics_are_served_on_their_own_port(alone, language):
    started = alone(language)
    started.request(port(language), "/api/v1/me")
    started.request(port(language), "/no/such/page")
    metrics = started.request(METRICS_PORT, "/metrics").body
    samples = [line for line in metrics.splitlines() if line.startswith("http_requests_total{")]
    assert [s for s in samples if 'route="/api/v1/me"' in s and 'method="GET"' in s and 'status="401"' in s]
    assert [s for s in samples if 'route="unmatched"' in s and 'status="404"' in s]
    assert "/no/such/page" not in metrics
    assert not [s for s in samples if "/health" in s]
    assert re.search(r'^http_request_duration_seconds_bucket\{.*le="0\.5"', metrics, re.MULTILINE)
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes"):
        assert re.search(rf"^{name} [1-9\d.e+]+$", metrics, re.MULTILINE), name  # read by alerts and dashboard
    assert started.request(METRICS_PORT, "/api/v1/me").status == 404


@pytest.fixture
def stack(images, request):
    """Start a language's service, and again so that it requires Redis, with PostgreSQL and Redis; return all four."""

    @contextlib.contextmanager
    def start(language: str):
        image = images(language, ALL)
        env = containers.environment(language, ALL)
        migrate = containers.facts(language)["migrate"]
        with containers.network() as name, containers.postgres(name) as database, containers.redis(name) as cache:
            options = ("--network", name)
            with containers.service(
                image, language, env, *options, "--entrypoint", migrate[0], command=tuple(migrate[1:])
            ) as migration:
                assert migration.wait(120) == 0, migration.logs()
            strict = {**env, "READY_REQUIRES": "database,redis"}
            with (
                containers.service(image, language, env, *options) as started,
                containers.service(image, language, strict, *options) as requiring_redis,
            ):
                for each in (started, requiring_redis):
                    each.wait_for_status(port(language), "/health/ready", 200)
                yield started, requiring_redis, database, cache

    return start


def wait_for_error(started: containers.Container, language: str, check: str, errors: set[str]) -> None:
    """Return once detailed health reports one of the errors for a check."""

    def reached() -> bool:
        report = started.request(port(language), "/health/detailed", **BEARER).json()
        return report["checks"][check].get("error") in errors

    containers.until(reached, 60, started.logs)


def assert_names_only(answer: containers.Answer, broken: str) -> None:
    """Check that detailed health names the one check that fails, and no secret."""
    checks = answer.json()["checks"]
    assert answer.json()["status"] == "degraded"
    assert {name for name, check in checks.items() if check["status"] != "ok"} == {broken}
    for secret in (containers.DATABASE_PASSWORD, "postgres:", "redis:", "5432", "6379", "app"):
        assert secret not in answer.body


def changes(started: containers.Container, causes: set[str]) -> list[tuple[str, str, str]]:
    """Return the level, message and dependency of each line about an outage; check that one that failed has a cause."""
    lines = [json.loads(line) for line in started.logs().splitlines()]
    lines = [line for line in lines if line["msg"].startswith("dependency ")]
    assert all((line.get("cause") in causes) == (line["msg"] == "dependency failed") for line in lines), lines
    return [(line["level"], line["msg"], line["dependency"]) for line in lines]


@per_language
def test_dependencies_that_fail_and_recover(stack, language):
    down = {"connection refused", "name not resolved", "timeout", "unavailable"}
    with stack(language) as (started, requiring_redis, database, cache):
        checks = started.request(port(language), "/health/detailed", **BEARER).json()["checks"]
        assert set(checks) == {"database", "redis", "externalApi"}
        assert all(check["status"] == "ok" and check["latencyMs"] >= 0 for check in checks.values())
        for broken, dependency, unready in (("database", database, started), ("redis", cache, requiring_redis)):
            for stop, start, errors in (("stop", "start", down), ("pause", "unpause", {"timeout"})):
                containers.docker(stop, dependency.name)
                answer = unready.wait_for_status(port(language), "/health/ready", 503)
                assert answer.json() == {"status": "unavailable"}
                # A cache is optional by default.
                assert (started.request(port(language), "/health/ready").status == 200) == (broken == "redis")
                # A result is cached for a second and may report the previous error.
                wait_for_error(started, language, broken, errors)
                assert_names_only(started.wait_for_status(port(language), "/health/detailed", 503, **BEARER), broken)
                assert started.request(port(language), "/health").status == 200
                containers.docker(start, dependency.name)
                unready.wait_for_status(port(language), "/health/ready", 200)
                started.wait_for_status(port(language), "/health/detailed", 200, **BEARER)
        assert containers.DATABASE_PASSWORD not in started.logs()
        assert changes(started, down | {"timeout"}) == [
            (level, *change)
            for broken, level in (("database", "error"), ("redis", "warn"))
            for level, *change in [(level, "dependency failed", broken), ("info", "dependency recovered", broken)] * 2
        ]


@per_language
def test_the_service_starts_before_its_dependencies_and_waits_for_them(images, language):
    image, env = images(language, ALL), containers.environment(language, ALL)
    with containers.network() as name, containers.service(image, language, env, "--network", name) as started:
        started.wait_for_status(port(language), "/health", 200)
        started.wait_for_status(port(language), "/health/ready", 503)
        with containers.postgres(name), containers.redis(name):
            started.wait_for_status(port(language), "/health/ready", 200)


@per_language
def test_migrations_run_twice_and_report_errors_without_the_password(images, language):
    image, env = images(language, ALL), containers.environment(language, ALL)
    migrate = containers.facts(language)["migrate"]
    with containers.network() as name:

        def run() -> tuple[int, str]:
            options = ("--network", name, "--entrypoint", migrate[0])
            with containers.service(image, language, env, *options, command=tuple(migrate[1:])) as migration:
                return migration.wait(120), migration.logs()

        code, printed = run()
        assert code not in (0, 78), printed
        assert containers.DATABASE_PASSWORD not in printed
        with containers.postgres(name):
            assert [run()[0] for _ in range(2)] == [0, 0]


@per_language
def test_a_port_in_use_is_reported_without_a_traceback(images, language):
    env = containers.environment(language, [])
    image = images(language, [])
    with containers.service(image, language, env) as first:
        first.wait_for_status(port(language), "/health", 200)
        options = ("--network", f"container:{first.name}")
        with containers.container(image, *containers.RESTRICTED, *options, env=env) as second:
            assert second.wait(60) == 1
            assert "in use" in second.logs().lower()
            assert "Traceback" not in second.logs()
