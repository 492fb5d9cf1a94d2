import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest

from tests.environment import ENVIRONMENT
from tests.integration.conftest import ROOT, Service, free_port

Start = Callable[..., Service]
TOKEN = f"Bearer {ENVIRONMENT['HEALTH_TOKEN']}"


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize("command", [["migrate", "--check"], ["makemigrations", "--check", "--dry-run"]])
def test_every_model_change_has_a_migration(environment: dict[str, str], command: list[str]) -> None:
    subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True, timeout=60)


def test_starts_without_a_database(start: Start) -> None:
    service = start(DATABASE_URL=f"postgres://user:hush@127.0.0.1:{free_port()}/app")
    service.wait_until_it_answers()
    assert service.get("/health/ready").status == 503
    detailed = service.get("/health/detailed", Authorization=TOKEN)
    assert detailed.status == 503
    assert detailed.json["checks"]["database"]["error"] == "connection refused"
    assert "hush" not in detailed.text
    assert service.stop() == 0


def test_a_wrong_password_is_reported(start: Start, environment: dict[str, str]) -> None:
    address = psycopg.conninfo.conninfo_to_dict(environment["DATABASE_URL"])
    url = f"postgres://nobody:hush@{address['host']}:{address.get('port', 5432)}/{address['dbname']}"
    service = start(DATABASE_URL=url)
    service.wait_until_it_answers()
    detailed = service.get("/health/detailed", Authorization=TOKEN)
    assert detailed.json["checks"]["database"]["error"] == "authentication failed"
