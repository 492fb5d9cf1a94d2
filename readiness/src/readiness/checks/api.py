"""Checks of the description of the service's API."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from readiness.documents import get, line_of, parse_yaml
from readiness.findings import Finding, Findings, NotApplicableError, failed, passed
from readiness.locations import own
from readiness.registry import check
from readiness.repository import Repository

NAMES = ("openapi.json", "openapi.yaml", "openapi.yml")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@check("service", "api-described")
def api_described(repository: Repository) -> Findings:
    files = own(repository.matching(*NAMES, *(f"*/{name}" for name in NAMES)))
    if not files:
        raise NotApplicableError("no OpenAPI document")
    for file in files:
        yield from judge_document(file, repository.text(file))


@cache
def judge_document(file: str, text: str) -> list[Finding]:
    """Return what is wrong with an OpenAPI document, or that nothing is."""
    # Imported here, because it takes longer than all other checks together.
    from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

    document = get(parse_yaml(text), 0, default={})
    version = str(get(document, "openapi", default="")).rpartition(".")[0]
    if version not in ("3.0", "3.1"):
        return [failed("expected a document of OpenAPI 3.0 or 3.1", (file, line_of(document, "openapi")))]
    validator = OpenAPIV30SpecValidator if version == "3.0" else OpenAPIV31SpecValidator
    errors = [
        failed(error.message, (file, line_of(document, *error.absolute_path)))
        for error in validator(document).iter_errors()
    ]
    found = list(operations(document))
    errors += [
        failed(f"{method.upper()} {path}: expected {field}", (file, line_of(document, "paths", path, method)))
        for path, method, operation in found
        for field in ("operationId", "summary")
        if field not in operation
    ]
    return errors or [passed(f"{len(found)} operations", (file, 1))]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return each operation of a document with its path and its method."""
    for path, entry in get(document, "paths", default={}).items():
        for method in METHODS:
            if method in entry:
                yield path, method, entry[method]
