import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.environment import ENVIRONMENT
from tests.integration.conftest import ROOT, Service, free_port

Start = Callable[..., Service]
TOKEN = f"Bearer {ENVIRONMENT['HEALTH_TOKEN']}"
USE_THE_CACHE = """
import django
django.setup()
from django.core.cache import cache
cache.set("test", {"answer": 42}, timeout=10)
print(cache.get("test"))
"""


def test_the_cache_is_redis(environment: dict[str, str]) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings"}
    result = subprocess.run(
        [sys.executable, "-c", USE_THE_CACHE],
        cwd=ROOT,
        env=environment | settings,
        check=True,
        timeout=30,
        capture_output=True,
        text=True,
    )
    assert result.stdout == "{'answer': 42}\n"


@pytest.mark.parametrize(("required", "status"), [("none", 200), ("redis", 503)])
def test_starts_without_redis(start: Start, required: str, status: int) -> None:
    service = start(REDIS_URL=f"redis://:hush@127.0.0.1:{free_port()}/0", READY_REQUIRES=required)
    service.wait_until_it_answers()
    assert service.get("/health/ready").status == status
    detailed = service.get("/health/detailed", Authorization=TOKEN)
    assert detailed.status == 503
    assert detailed.json["checks"]["redis"]["error"] == "connection refused"
    assert "hush" not in detailed.text
    assert service.stop() == 0
