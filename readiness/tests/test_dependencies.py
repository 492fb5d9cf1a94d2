"""Promise: lock files of every usual package manager are compared with the dependencies, wherever they stand."""

import json

import pytest
from readiness.findings import Outcome
from readiness.results import check_items

PACKAGE = json.dumps({"dependencies": {"fastify": "^5.0.0"}, "devDependencies": {"@types/node": "^26.0.0"}}, indent=2)
NPM = json.dumps({"packages": {"": json.loads(PACKAGE)}})
PNPM = """lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      fastify:
        specifier: ^5.0.0
        version: 5.1.0
    devDependencies:
      '@types/node':
        specifier: ^26.0.0
        version: 26.1.0

packages:

  fastify@5.1.0:
    resolution: {integrity: sha512-x}
"""
YARN = """"@types/node@^26.0.0":
  version "26.1.0"

fastify@^5.0.0:
  version "5.1.0"
"""
BERRY = """"@types/node@npm:^26.0.0":
  version: 26.1.0

"fastify@npm:^5.0.0":
  version: 5.1.0
"""
BUN = """{
  "workspaces": {
    "": {
      "dependencies": {"fastify": "^5.0.0",},
      "devDependencies": {"@types/node": "^26.0.0",},
    },
  },
}
"""
PROJECT = '[project]\nname = "orders"\ndependencies = ["Django>=5", "psycopg[binary]>=3"]\n'
LOCKED = '[[package]]\nname = "django"\n[[package]]\nname = "psycopg"\n'
HASHED = "django==5.2 \\\n    --hash=sha256:00\n"


def outcome(repository, item="lock-matches-manifest"):
    return next(result for result in check_items(repository) if result.item.name == item).outcome


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package-lock.json", NPM),
        ("pnpm-lock.yaml", PNPM),
        ("yarn.lock", YARN),
        ("yarn.lock", BERRY),
        ("bun.lock", BUN),
    ],
    ids=["npm", "pnpm", "yarn", "yarn berry", "bun"],
)
def test_a_lock_file_records_the_dependencies(create, name, text):
    assert outcome(create({"package.json": PACKAGE, name: text})) is Outcome.PASS
    assert outcome(create({"package.json": PACKAGE, name: text.replace("^5.0.0", "^4.0.0")})) is Outcome.FAIL


def test_a_workspace_has_one_lock_file(create):
    locked = json.dumps({"packages": {"": {}, "apps/api": json.loads(PACKAGE)}})
    files = {"package.json": "{}", "package-lock.json": locked, "apps/api/package.json": PACKAGE}
    assert outcome(create(files)) is Outcome.PASS
    assert outcome(create({**files, "apps/web/package.json": PACKAGE})) is Outcome.FAIL


def test_a_package_that_is_required_twice_counts_as_a_dependency(create):
    package = json.dumps({"dependencies": {"fastify": "^5.0.0"}, "devDependencies": {"fastify": ">=5"}})
    assert outcome(create({"package.json": package, "pnpm-lock.yaml": PNPM})) is Outcome.PASS


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"package.json": PACKAGE}, Outcome.FAIL),
        ({"pyproject.toml": PROJECT}, Outcome.FAIL),
        ({"pyproject.toml": PROJECT, "uv.lock": LOCKED}, Outcome.PASS),
        ({"pyproject.toml": PROJECT, "poetry.lock": LOCKED}, Outcome.PASS),
        ({"pyproject.toml": PROJECT, "poetry.lock": LOCKED.replace("psycopg", "asyncpg")}, Outcome.FAIL),
        ({"requirements.txt": HASHED}, Outcome.PASS),
        ({"requirements.txt": "django==5.2\n"}, Outcome.UNKNOWN),
        ({"requirements.txt": "django>=5.2\n"}, Outcome.FAIL),
        ({"requirements.txt": "django\n", "Pipfile.lock": "{}"}, Outcome.NOT_APPLICABLE),
        ({"go.mod": "module orders\n"}, Outcome.PASS),
        ({"go.mod": "module orders\nrequire example.com/a v1.0.0\n"}, Outcome.FAIL),
    ],
)
def test_dependencies_without_a_lock_fail(create, files, expected):
    assert outcome(create(files)) is expected


def test_each_language_of_a_monorepo_is_checked(create):
    files = {"api/pyproject.toml": PROJECT, "web/package.json": PACKAGE, "web/package-lock.json": NPM}
    assert outcome(create(files)) is Outcome.FAIL
    assert outcome(create({**files, "api/uv.lock": LOCKED})) is Outcome.PASS


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("npm ci", Outcome.PASS),
        ("npm install", Outcome.FAIL),
        ("npm install -g pnpm && pnpm install --frozen-lockfile", Outcome.PASS),
        ("bun install", Outcome.FAIL),
        ("make", Outcome.NOT_APPLICABLE),
    ],
)
def test_an_image_installs_from_the_lock(create, command, expected):
    files = {"package.json": PACKAGE, "Dockerfile": f"FROM node:26\nRUN {command}\n"}
    assert outcome(create(files), "installs-from-lock") is expected


def test_an_image_of_another_language_is_not_checked_for_installs(create):
    files = {
        "package.json": PACKAGE,
        "requirements.txt": HASHED,
        "Dockerfile": "FROM python:3.14\nRUN pip install --require-hashes -r requirements.txt\n",
    }
    assert outcome(create(files), "installs-from-lock") is Outcome.PASS
