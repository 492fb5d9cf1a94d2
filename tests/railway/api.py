"""A stand-in for Railway's public API: real GraphQL over HTTP, one service, statuses set by the test."""

import http.server
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

from graphql import DocumentNode, ExecutionResult, build_schema, execute_sync, parse, validate

SCHEMA = build_schema((Path(__file__).parent / "schema.graphql").read_text())
UNDER_WAY = {"QUEUED", "WAITING", "NEEDS_APPROVAL", "INITIALIZING", "BUILDING", "DEPLOYING"}
TOKEN = "5b3c1f0e-project-token"
SECRET = "a-secret-of-the-service"
GOOD = ["INITIALIZING", "SUCCESS"]


@dataclass
class Deployment:
    """A deployment; `plays` are its next statuses, one per request."""

    id: str
    image: str
    status: str
    created: int
    plays: list[str] = field(default_factory=list)
    kept: bool = True
    variables: str = "present"

    def seen(self) -> dict:
        """Return it as the API does."""
        return {
            "id": self.id,
            "status": self.status,
            "createdAt": f"2026-11-25T10:{self.created // 60:02}:{self.created % 60:02}.000Z",
            "canRollback": self.kept and self.status in ("REMOVED", "SUCCESS", "CRASHED"),
            "meta": {"image": self.image},
        }


class Refused(Exception):
    """What the API answers with as a GraphQL error."""


class Railway:
    """The platform: what is deployed, how the next deployments go, and which requests go wrong.

    Attributes:
        environment: the environment that the token belongs to.
        deployments: newest last.
        source: the image that the next deployment runs.
        set: the variables of the service.
        next: for each deployment to come, the statuses that it goes through; then all are good.
        faults: (operation, fault) for requests to come, in this order; a fault answers instead of the API.
        operations: the names of the operations that were sent, in order.
    """

    def __init__(self) -> None:
        self.environment = "staging"
        self.service = "orders"
        self.deployments: list[Deployment] = []
        self.source = ""
        self.variables = "present"
        self.set = {"JWT_SECRET": SECRET}
        self.next: list[list[str]] = []
        self.faults: list[tuple[str, Callable[[Callable[[], ExecutionResult]], tuple]]] = []
        self.operations: list[str] = []
        self.problems: list[str] = []
        self.on_status: Callable[[Deployment], None] = lambda _: None
        self._numbers = count(1)
        self._lock = threading.Lock()

    # What tests look at and set up

    def ran(self, image: str, status: str, **more: object) -> Deployment:
        """Add a deployment of the past."""
        number = next(self._numbers)
        deployment = Deployment(f"deployment-{number}", image, status, number, **more)
        self.deployments.append(deployment)
        self.source = image
        return deployment

    @property
    def serving(self) -> list[Deployment]:
        """Return what answers requests."""
        return [deployment for deployment in self.deployments if deployment.status == "SUCCESS"]

    # The platform's own doing

    def _begin(self, image: str, variables: str) -> Deployment:
        plays = list(self.next.pop(0) if self.next else GOOD)
        deployment = self.ran(image, plays.pop(0), plays=plays)
        deployment.variables = variables
        self.source = deployment.image
        return deployment

    def _advance(self, deployment: Deployment) -> None:
        if deployment.plays:
            deployment.status = deployment.plays.pop(0)
        if deployment.status == "SUCCESS":
            for other in self.deployments:
                if other is not deployment and other.status == "SUCCESS":
                    other.status = "REMOVED"

    def _find(self, id: str) -> Deployment:
        for deployment in self.deployments:
            if deployment.id == id:
                return deployment
        raise Refused("Deployment not found")

    # The API: one method for each field of Query and Mutation

    def projectToken(self, _info) -> dict:
        return {"project": {"id": "project-1"}, "environment": {"id": "environment-1", "name": self.environment}}

    def environment_(self, id: str, project: str) -> dict:
        assert (id, project) == ("environment-1", "project-1")
        node = {
            "serviceId": "service-1",
            "serviceName": self.service,
            "domains": {"customDomains": [], "serviceDomains": [{"domain": "orders.up.railway.app"}]},
        }
        other = {**node, "serviceId": "service-2", "serviceName": "postgres"}
        return {"serviceInstances": {"edges": [{"node": other}, {"node": node}]}}

    def deployments_(self, input: dict, first: int) -> dict:
        assert input == {"projectId": "project-1", "environmentId": "environment-1", "serviceId": "service-1"}
        return {"edges": [{"node": deployment.seen()} for deployment in reversed(self.deployments[-first:])]}

    def deployment(self, _info, id: str) -> dict:
        deployment = self._find(id)
        self._advance(deployment)
        self.on_status(deployment)
        return deployment.seen()

    def deploymentLogs(self, _info, deploymentId: str, limit: int) -> list[dict]:
        self._find(deploymentId)
        return [{"message": f"line {number}"} for number in range(2)][:limit]

    def serviceInstanceUpdate(self, _info, environmentId: str, serviceId: str, input: dict) -> bool:
        assert (environmentId, serviceId) == ("environment-1", "service-1")
        self.source = input["source"]["image"]
        return True

    def serviceInstanceDeployV2(self, _info, environmentId: str, serviceId: str) -> str:
        assert (environmentId, serviceId) == ("environment-1", "service-1")
        return self._begin(self.source, self.variables).id

    def deploymentRollback(self, _info, id: str) -> bool:
        target = self._find(id)
        if not target.seen()["canRollback"]:
            raise Refused("Deployment cannot be rolled back to")
        self._begin(target.image, target.variables)
        return True

    def deploymentCancel(self, _info, id: str) -> bool:
        deployment = self._find(id)
        if deployment.status not in UNDER_WAY:
            raise Refused("Deployment is not in progress")
        deployment.status, deployment.plays = "REMOVED", []
        return True

    def deploymentRemove(self, _info, id: str) -> bool:
        self._find(id).status = "REMOVED"
        return True

    def variables_(self, **scope: str) -> dict[str, str]:
        assert scope == {"projectId": "project-1", "environmentId": "environment-1", "serviceId": "service-1"}
        return self.set

    def variableUpsert(self, _info, input: dict) -> bool:
        assert input["skipDeploys"] is True
        self.set[input["name"]] = input["value"]
        return True

    # The protocol

    def answer(self, token: str | None, request: dict) -> tuple[int, dict[str, str], bytes] | None:
        """Return status, headers and body for a request; None where the connection is to be cut."""
        with self._lock:
            document, name, problems = read(request["query"])
            self.operations.append(name)
            self.problems += problems
            if token != TOKEN:
                return 200, {}, json.dumps({"errors": [{"message": "Not Authorized"}], "data": None}).encode()

            def carry_out() -> ExecutionResult:
                roots = {"environment": lambda _info, id, projectId: self.environment_(id, projectId)}
                roots["variables"] = lambda _info, **scope: self.variables_(**scope)
                roots["deployments"] = lambda _info, input, first: self.deployments_(input, first)
                names = {**SCHEMA.query_type.fields, **SCHEMA.mutation_type.fields}
                roots |= {field: getattr(self, field) for field in names if field not in roots}
                return execute_sync(SCHEMA, document, roots, variable_values=request["variables"])

            if self.faults and self.faults[0][0] in (name, "*"):
                return self.faults.pop(0)[1](carry_out)
            result = carry_out()
            self.problems += [
                str(error) for error in result.errors or [] if not isinstance(error.original_error, Refused)
            ]
            return 200, {}, json.dumps(result.formatted).encode()


@cache
def read(query: str) -> tuple[DocumentNode, str, list[str]]:
    """Parse a query; return the document, its name and what breaks the schema."""
    document = parse(query)
    name = document.definitions[0].name.value
    return document, name, [f"{name}: {error.message}" for error in validate(SCHEMA, document)]


# Faults


def status(code: int, body: str = "", **headers: str):
    """Answer with a status instead of carrying out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _carry_out: (code, named, body.encode())


def refusal(message: str):
    """Answer with a GraphQL error instead of carrying out."""
    return status(200, json.dumps({"errors": [{"message": message}], "data": None}))


def cut(_carry_out) -> None:
    """Cut the connection without carrying out."""


def cut_after(carry_out) -> None:
    """Carry out, then cut the connection."""
    carry_out()


def hang(seconds: float):
    """Answer nothing for a while."""
    return lambda _carry_out: time.sleep(seconds)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request to the stand-in."""

    railway: Railway

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.railway.answer(self.headers.get("Project-Access-Token"), request)
        if answer is None:
            self.close_connection = True
            return
        code, headers, body = answer
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def serve(railway: Railway) -> http.server.ThreadingHTTPServer:
    """Serve a stand-in on a free port of 127.0.0.1; the caller shuts it down."""
    handler = type("RailwayHandler", (Handler,), {"railway": railway})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server
