import time

import jwt
import pytest
from django.test import Client

from tests.environment import ENVIRONMENT

SECRET = ENVIRONMENT["JWT_SECRET"]


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def in_seconds(seconds: int) -> int:
    return int(time.time()) + seconds


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/me/"])
def test_me_returns_the_subject_of_the_token(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Authorization": f"Bearer {token(sub='ada', exp=in_seconds(60))}"})
    assert (answer.status_code, answer.json()) == (200, {"subject": "ada"})


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer nonsense",
        f"Basic {token(sub='ada', exp=in_seconds(60))}",
        f"Bearer {token(sub='ada', exp=in_seconds(-60))}",
        f"Bearer {token(sub='ada')}",
        f"Bearer {token(exp=in_seconds(60))}",
        f"Bearer {token(secret='x' * 32, sub='ada', exp=in_seconds(60))}",
        f"Bearer {token(secret='', algorithm='none', sub='ada', exp=in_seconds(60))}",
        f"Bearer {token(secret=SECRET * 2, algorithm='HS512', sub='ada', exp=in_seconds(60))}",
    ],
    ids=[
        "missing",
        "empty",
        "no-token",
        "other-scheme",
        "expired",
        "never-expires",
        "no-subject",
        "other-secret",
        "unsigned",
        "other-algorithm",
    ],
)
def test_me_refuses_other_tokens(client: Client, authorization: str) -> None:
    answer = client.get("/api/v1/me", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json() == {"type": "about:blank", "title": "Unauthorized", "status": 401}
