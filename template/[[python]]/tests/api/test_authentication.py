import time

import jwt
import pytest
from django.test import RequestFactory

from api.authentication import Token
from tests.environment import ENVIRONMENT

SECRET = ENVIRONMENT["JWT_SECRET"]


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def in_seconds(seconds: int) -> int:
    return int(time.time()) + seconds


def subject(authorization: str) -> object:
    return Token()(RequestFactory().get("/", headers={"Authorization": authorization}))


def test_a_valid_token_has_a_subject() -> None:
    assert subject(f"Bearer {token(sub='ada', exp=in_seconds(60))}") == "ada"


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
        f"Bearer {token(sub='', exp=in_seconds(60))}",
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
        "empty-subject",
        "other-secret",
        "unsigned",
        "other-algorithm",
    ],
)
def test_other_tokens_are_refused(authorization: str) -> None:
    assert subject(authorization) is None
