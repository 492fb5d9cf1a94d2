"""Checks of the service's code and tests."""

from readiness.documents import get
from readiness.findings import Findings, judge
from readiness.languages import language
from readiness.registry import check
from readiness.repository import Repository
from readiness.running_service import HEADERS, TLS_HEADER
from readiness.workflows import WORKFLOWS, jobs, workflows


@check("service", "health-endpoints")
def health_endpoints(repository: Repository) -> Findings:
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


@check("service", "security-headers")
def security_headers(repository: Repository) -> Findings:
    sources = [name for name in repository.matching(*language(repository).sources) if "test" not in name]
    for header in (*HEADERS, TLS_HEADER):
        yield repository.expect_match(rf"(?i)\b{header}\b", *sources, seen=header, expected="the server to set it")


@check("service", "coverage-enforced")
def coverage_enforced(repository: Repository) -> Findings:
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
