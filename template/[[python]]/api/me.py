"""An example to replace: who the caller is."""

from ninja import Router, Schema

from api.authentication import AuthenticatedRequest, Token

router = Router(auth=Token())


class Identity(Schema):
    """The caller."""

    subject: str


@router.get("/me", response=Identity, operation_id="read-me", summary="Read the subject of your token")
def read_me(request: AuthenticatedRequest) -> Identity:
    """Return the subject of the token."""
    return Identity(subject=request.auth)
