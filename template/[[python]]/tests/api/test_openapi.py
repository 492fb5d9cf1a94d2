import json
from pathlib import Path

from django.test import Client

COMMITTED = Path(__file__).parents[2] / "openapi.json"


def test_openapi_json_is_what_the_service_serves(client: Client) -> None:
    served = client.get("/openapi.json").json()
    assert served == json.loads(COMMITTED.read_text()), "run `make openapi` after a change of the routes"
