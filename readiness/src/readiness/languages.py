"""What differs by language: the schema of the environment, sources, coverage and the ecosystems of dependencies."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from readiness.detection import traits
from readiness.findings import CannotJudgeError
from readiness.repository import Repository

NODE_DEFAULT = re.compile(r"\.(prefault|default|optional|catch)\(")


@dataclass(frozen=True)
class Variable:
    """A variable of the schema: the line that declares it, and whether it has a default."""

    line: int
    has_default: bool


@dataclass(frozen=True)
class Language:
    """Where services in a language keep what the checks read."""

    most_megabytes: int
    schema_file: str
    exit_code: tuple[str, str]  # a file, and the pattern of the exit code for an invalid environment
    coverage: tuple[str, str]  # a file, and the pattern of the coverage limit
    sources: tuple[str, ...]
    ecosystems: tuple[str, ...]
    parse_schema: Callable[[str], dict[str, Variable]]


def parse_node_schema(text: str) -> dict[str, Variable]:
    """Return the variables of the first object of a Zod schema."""
    declared = re.search(r"^const variables = z\.object\(\{\n(.*?)^\}\);", text, re.MULTILINE | re.DOTALL)
    if not declared:
        return {}
    first = text.count("\n", 0, declared.start(1)) + 1
    return {
        entry[1]: Variable(first + declared[1].count("\n", 0, entry.start()), bool(NODE_DEFAULT.search(entry[2])))
        for entry in re.finditer(r"^  ([A-Z][A-Z0-9_]*): (.*?)(?=^  [A-Z]|\Z)", declared[1], re.MULTILINE | re.DOTALL)
    }


def parse_go_schema(text: str) -> dict[str, Variable]:
    """Return the variables that the `env` tags of a configuration struct name."""
    variables = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if tag := re.search(r'`env:"(\w+)', line):
            variables[tag[1]] = Variable(number, "envDefault:" in line)
    return variables


def parse_python_schema(text: str) -> dict[str, Variable]:
    """Return the variables of a pydantic settings class."""
    variables = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and "BaseSettings" in {getattr(base, "id", "") for base in node.bases}:
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    variables[field.target.id.upper()] = Variable(field.lineno, has_default(field.value))
    return variables


def has_default(value: ast.expr | None) -> bool:
    """Return whether the value of a field, such as `Field(80)`, gives it a default."""
    if isinstance(value, ast.Call):
        given = [keyword.value for keyword in value.keywords if keyword.arg in {"default", "default_factory"}]
        return any(ast.unparse(default) != "..." for default in value.args + given)
    return value is not None


LANGUAGES = {
    "node": Language(
        most_megabytes=300,
        schema_file="src/config.ts",
        exit_code=("src/config.ts", r"^const \w+ = 78;$"),
        coverage=("vitest.config.ts", r"^\s+thresholds: \{$"),
        sources=("src/*.ts",),
        ecosystems=("github-actions", "docker", "npm"),
        parse_schema=parse_node_schema,
    ),
    "go": Language(
        most_megabytes=50,
        schema_file="internal/config/config.go",
        exit_code=("cmd/server/main.go", r"^\s*\w+ += 78$"),
        coverage=("Makefile", r"go tool cover .*exit \$\$3 \+ 0 < \d+"),
        sources=("internal/*.go", "cmd/*.go"),
        ecosystems=("github-actions", "docker", "gomod"),
        parse_schema=parse_go_schema,
    ),
    "python": Language(
        most_megabytes=350,
        schema_file="config/environment.py",
        exit_code=("config/environment.py", r"^\s+sys\.exit\((os\.EX_CONFIG|78)\)$"),
        coverage=("pyproject.toml", r"^fail_under = \d+$"),
        sources=("web/*.py", "config/*.py"),
        ecosystems=("github-actions", "docker", "uv"),
        parse_schema=parse_python_schema,
    ),
}


@cache
def language(repository: Repository) -> Language:
    """Return the language of the repository's answers."""
    for name, found in LANGUAGES.items():
        if name in traits(repository):
            return found
    raise CannotJudgeError("this check does not know the language of this repository")


@cache
def read_schema(repository: Repository) -> dict[str, Variable]:
    """Return the variables of the service's schema."""
    if not repository.is_emitted:
        raise CannotJudgeError("the schema of the environment is not known")
    found = language(repository)
    return found.parse_schema(repository.text(found.schema_file))
