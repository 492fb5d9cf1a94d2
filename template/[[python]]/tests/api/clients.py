"""Clients for tests of routes."""

import time

import jwt
from django.test import Client

from tests.environment import ENVIRONMENT


def client_of(subject: str) -> Client:
    """Return a client that sends a user's token."""
    claims = {"sub": subject, "exp": int(time.time()) + 3600}
    token = jwt.encode(claims, ENVIRONMENT["JWT_SECRET"], algorithm="HS256")
    return Client(headers={"Authorization": f"Bearer {token}"})
