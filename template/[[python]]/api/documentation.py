"""The OpenAPI document, with the problem documents that every operation can answer."""

from ninja import NinjaAPI, Schema
from ninja.openapi.schema import OpenAPISchema
from pydantic import Field


class FieldError(Schema):
    """An invalid field of a request: of its body, or a parameter."""

    detail: str
    pointer: str = ""
    parameter: str = ""


class Problem(Schema):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[FieldError] = Field(default_factory=list)


PROBLEM = {"$ref": "#/components/schemas/Problem"}
RESPONSE = {"description": "Error", "content": {"application/problem+json": {"schema": PROBLEM}}}


class DocumentedAPI(NinjaAPI):
    """An API whose document has a default response."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, object] | None = None
    ) -> OpenAPISchema:
        """Return the document."""
        document = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= schema.pop("$defs") | {"Problem": schema}
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"]["default"] = RESPONSE
        return document
