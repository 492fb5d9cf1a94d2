"""Checks of the service's code and tests."""

import re

from readiness.documents import get
from readiness.findings import Findings, judge, passed, unknown
from readiness.languages import language
from readiness.locations import TEST_FILE, own
from readiness.registry import check
from readiness.repository import Repository
from readiness.running_service import HEADERS, TLS_HEADER
from readiness.workflows import WORKFLOWS, jobs, workflows

# A path in quotes, such as "GET /healthz"; one without a leading slash, as in Django, ends with one.
ROUTE = r"""["'`^](?:[A-Z]+ )?(?:/(?:[\w{{}}.-]+/)*({0})/?|(?:[\w-]+/)*({0})/)\$?["'`]"""
LIVENESS_PATHS = r"_?health(?:z|[_-]?checks?)?|livez?|liveness|alive|ping|heartbeat"
READINESS_PATHS = r"readyz?|readiness"
LIVENESS, READINESS = ROUTE.format(LIVENESS_PATHS), ROUTE.format(READINESS_PATHS)
SOURCE_FILES = ("*.go", "*.py", "*.ts", "*.js", "*.mjs", "*.java", "*.kt", "*.rb", "*.rs", "*.cs", "*.php", "*.ex")


def source_files(repository: Repository) -> list[str]:
    """Return the source files, without tests."""
    found = own(repository.matching(*SOURCE_FILES))
    return [name for name in found if not TEST_FILE.search(name)]


def find_health_endpoints(repository: Repository) -> Findings:
    """Return whether the sources name a path for liveness and one for readiness."""
    sources = source_files(repository)
    for name, pattern, paths in (
        ("liveness", LIVENESS, LIVENESS_PATHS),
        ("readiness", READINESS, READINESS_PATHS),
    ):
        place = repository.find(pattern, *sources)
        if not any(place):  # frameworks that route by the names of files
            routes = [file for file in sources if re.search(rf"(^|/)({paths})/route\.[jt]s$", file)]
            place = (routes[0], 1) if routes else place
        if not any(place):
            builds = own(repository.matching("pom.xml", "*/pom.xml", "build.gradle*", "*/build.gradle*"))
            place = repository.find(r"spring-boot-starter-actuator|quarkus-smallrye-health", *builds)
        yield passed(f"a path for {name}", place) if any(place) else unknown(f"no usual path for {name} in the sources")


@check("service", "health-endpoints")
def health_endpoints(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_health_endpoints(repository)
        return
    for path in ("/health", "/health/ready"):
        seen = f"the smoke test requests {path}"
        yield repository.expect_match(rf"^expect {path} ", "scripts/smoke", seen=seen, expected="an answer of 200")


@check("service", "detailed-health-closed")
def detailed_health_closed(repository: Repository) -> Findings:
    tests = [name for name in repository.matching("*test*") if "/health/detailed" in repository.text(name)]
    seen = "a test requests /health/detailed without the token"
    yield repository.expect_match(
        r"\b(401|StatusUnauthorized)\b", *tests, seen=seen, expected="a test that expects 401"
    )


# What sets each header in Django.
DJANGO = {
    "x-content-type-options": ["SecurityMiddleware"],
    "x-frame-options": ["XFrameOptionsMiddleware"],
    "content-security-policy": ["ContentSecurityPolicyMiddleware", "CSPMiddleware"],
    "strict-transport-security": ["SECURE_HSTS_SECONDS"],
}


@check("service", "security-headers")
def security_headers(repository: Repository) -> Findings:
    if not repository.is_emitted:
        sources = source_files(repository)
        for header in (*HEADERS, TLS_HEADER):
            setters = "|".join([r"[\"'/]helmet[\"']|\bhelmet\(", *DJANGO.get(header.lower(), [])])
            place = repository.find(rf"(?i)\b{header}\b|{setters}", *sources)
            text = f"{header} is not in the sources: a library or a proxy may send it"
            yield passed(header, place) if any(place) else unknown(text)
        return
    sources = [name for name in repository.matching(*language(repository).sources) if "test" not in name]
    for header in (*HEADERS, TLS_HEADER):
        yield repository.expect_match(rf"(?i)\b{header}\b", *sources, seen=header, expected="the server to set it")


# Where the limit of the coverage usually stands, and what it looks like.
COVERAGE_FILES = (
    "pyproject.toml",
    "setup.cfg",
    "tox.ini",
    ".coveragerc",
    "package.json",
    "vitest.config.*",
    "jest.config.*",
    ".nycrc*",
    "codecov.yml",
    ".codecov.yml",
    ".testcoverage.yml",
    "Makefile",
    ".github/workflows/*.y*ml",
)
COVERAGE_LIMIT = r"fail[_-]under|thresholds?\b|coverageThreshold|go-test-coverage|target: *\d+"


@check("service", "coverage-enforced")
def coverage_enforced(repository: Repository) -> Findings:
    if not repository.is_emitted:
        files = own(repository.matching(*COVERAGE_FILES))
        place = repository.find(COVERAGE_LIMIT, *files)
        seen, expected = "a limit on the coverage", "one in the configuration of the tests or the pipeline"
        yield judge(any(place), seen if any(place) else f"no limit in {len(files)} files", expected, place)
        return
    file, pattern = language(repository).coverage
    yield repository.expect_match(pattern, file, seen="least coverage", expected="the limit below which the tests fail")


@check("public", "code-scanned")
def code_scanned(repository: Repository) -> Findings:
    for event in ("pull_request", "schedule"):
        found = [
            job.place("steps", number, "uses")
            for job in jobs(repository)
            if event in get(workflows(repository)[job.file], "on", default={})
            for number, step in job.steps
            if str(step.get("uses", "")).startswith("github/codeql-action/analyze@")
        ]
        yield judge(found, f"CodeQL on {event}", "a step that analyzes", next(iter(found), (WORKFLOWS, 0)))
