"""An example to replace: a validated input."""

from typing import Annotated

from ninja import Router, Schema
from pydantic import ConfigDict, Field

from api.authentication import AuthenticatedRequest, Token

router = Router(auth=Token())


class NewGreeting(Schema):
    """Who is greeted."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]


class Greeting(Schema):
    """A greeting."""

    greeting: str


@router.post("/greetings", response=Greeting, operation_id="greet", summary="Greet somebody")
def greet(request: AuthenticatedRequest, person: NewGreeting) -> Greeting:  # noqa: ARG001
    """Return a greeting."""
    return Greeting(greeting=f"Hello, {person.name}")
