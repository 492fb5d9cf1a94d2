"""A stand-in for Vercel: its API as the CLI and the scripts speak it, and the deployments themselves.

The paths, methods and fields are those that the CLI of facts/platforms.yml uses; test_vercel_scripts.py has that very
CLI build up, read and change the stand-in's state.
"""

import contextlib
import http.server
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = "vcp_the_token_that_stays_secret"
TEAM = "team_acme"
PROJECT = "prj_orders"
PLAN_LIMIT = "To roll back further than the previous production deployment, upgrade to pro"


@dataclass
class Trouble:
    """What goes wrong with the next `times` requests: a status, `garbage`, `cut` (done, not answered) or `silence`."""

    method: str
    path: str
    kind: int | str
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Vercel:
    """A team with one project. `health` is the smoke test's result of each deployment, by revision."""

    name: str = "orders"
    plan: str = "pro"
    rolling: dict | None = None  # the configuration of Rolling Releases
    deployments: list[dict] = field(default_factory=list)
    production: str | None = None
    switch: dict | None = None
    release: dict | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    sick: set[str] = field(default_factory=set)
    request_log: list[int] = field(default_factory=list)  # the statuses of requests to the canary
    switch_result: str = "succeeded"
    troubles: list[Trouble] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    authorizations: set[str | None] = field(default_factory=set)
    bypasses: list[str | None] = field(default_factory=list)
    created: dict = field(default_factory=dict)
    on_request: object = None

    def add(self, revision: str, previous: str | None = None, *, serves: bool = True) -> str:
        """Add a production deployment, as an earlier release left it; return its id."""
        number = len(self.deployments) + 1
        deployment = {
            "id": f"dpl_{number}",
            "uid": f"dpl_{number}",
            "url": f"orders-{number}.vercel.app",
            "name": "orders",
            "created": 1_700_000_000_000 + number,
            "target": "production",
            "readyState": "READY",
            "readySubstate": "PROMOTED" if serves else "STAGED",
            "meta": {"revision": revision} | ({"previous": previous} if previous else {}),
        }
        self.deployments.append(deployment)
        if serves:
            self.production = deployment["id"]
        return deployment["id"]

    def find(self, name: str) -> dict | None:
        """Return a deployment by id or host."""
        return next((item for item in self.deployments if name in (item["id"], item["url"])), None)

    def received(self, method: str, pattern: str) -> list[str]:
        """Return the paths of the received requests with this method that match a pattern."""
        return [path for verb, path in self.requests if verb == method and re.search(pattern, path)]

    # What the API answers: a status and a body

    def answer(self, method: str, path: str, query: str, body: dict | None) -> tuple[int, object]:
        routes = [
            ("GET", r"/v2/user", self.get_user),
            ("GET", r"/(?:v2/)?teams/(.+)", self.get_team),
            ("GET", r"/v\d+/projects/prj_orders", self.get_project),
            ("GET", r"/v3/env/pull/prj_orders/(\w+)", self.pull_environment),
            ("GET", r"/v\d+/projects/prj_orders/env", lambda: {"envs": []}),
            ("POST", r"/v2/files", lambda: {"urls": []}),
            ("POST", r"/v13/deployments", lambda: self.deploy(body)),
            ("GET", r"/v1[0-9]/deployments/([^/]+)", self.get_deployment),
            ("GET", r"/v6/deployments", lambda: self.list_deployments(query)),
            ("DELETE", r"/v13/deployments/(\w+)", self.delete),
            ("GET", r"/v\d+/deployments/[^/]+/aliases", lambda: {"aliases": []}),
            ("GET", r"/v\d+/(?:now/)?deployments/[^/]+/events", lambda: []),
            ("POST", r"/v10/projects/prj_orders/promote/(\w+)", lambda name: self.change(name, "promote", body)),
            ("POST", r"/v9/projects/prj_orders/rollback/(\w+)", lambda name: self.change(name, "rollback", body)),
            ("GET", r"/v1/projects/prj_orders/rolling-release", lambda: {"rollingRelease": self.release}),
            ("GET", r"/v1/projects/prj_orders/rolling-release/config", lambda: {"rollingRelease": self.rolling}),
            ("POST", r"/v1/projects/prj_orders/rolling-release/start", lambda: self.start(body)),
            ("POST", r"/v1/projects/prj_orders/rolling-release/approve-stage", lambda: self.approve(body)),
            ("POST", r"/v1/projects/prj_orders/rolling-release/complete", lambda: self.complete(body)),
            ("POST", r"/v1/observability/events", lambda: self.logs()),
        ]
        for verb, pattern, respond in routes:
            if verb == method and (match := re.fullmatch(pattern, path)):
                answer = respond(*match.groups())
                return answer if isinstance(answer, tuple) else (200, answer)
        return refusal(404, "not_found", f"The stand-in knows no {method} {path}")

    def get_user(self) -> dict:
        return {"user": {"id": "usr_1", "uid": "usr_1", "username": "ada", "email": "ada@example.com", "name": "Ada"}}

    def get_team(self, _name: str) -> dict:
        return {"id": TEAM, "slug": "acme", "name": "Acme", "billing": {"plan": self.plan}}

    def get_project(self) -> dict:
        target = self.find(self.production or "")
        return {
            "id": PROJECT,
            "name": self.name,
            "accountId": TEAM,
            "framework": None,
            "createdAt": 1,
            "updatedAt": 1,
            "latestDeployments": [],
            "targets": {"production": target | {"alias": ["orders.example.com"]}} if target else {},
            "lastAliasRequest": self.switch,
            "rollingRelease": self.rolling,
        }

    def pull_environment(self, target: str) -> dict:
        return {"env": {**self.secrets, "PULLED": target}, "buildEnv": {}}

    def deploy(self, body: dict) -> dict:
        self.created = body
        self.add(body["meta"].get("revision", ""), serves=False)
        deployment = self.deployments[-1]
        deployment |= {"meta": body["meta"], "target": body.get("target"), "env": body.get("env")}
        return self.get_deployment(deployment["id"])

    def get_deployment(self, name: str) -> dict | tuple[int, object]:
        found = self.find(name)
        if not found:
            return refusal(404, "not_found", "Deployment not found")
        return found | {
            "projectId": PROJECT,
            "ownerId": TEAM,
            "project": {"id": PROJECT, "name": self.name},
            "team": {"id": TEAM, "slug": "acme", "name": "Acme"},
            "inspectorUrl": "https://vercel.com/acme/orders/1",
            "alias": [],
            "aliasAssigned": True,
            "createdAt": found["created"],
            "version": 2,
            "creator": {"uid": "usr_1", "username": "ada"},
            "regions": ["iad1"],
        }

    def delete(self, name: str) -> object:
        if not (found := self.find(name)):
            return refusal(404, "not_found", "Deployment not found")
        self.deployments.remove(found)
        return {"uid": name, "state": "DELETED"}

    def list_deployments(self, query: str) -> dict:
        target = "production" if "target=production" in query else None  # what the API calls a preview's
        ready = [item for item in self.deployments if item["target"] == target]
        for name, value in re.findall(r"meta-(\w+)=([^&]*)", query):
            ready = [item for item in ready if item["meta"].get(name) == value]
        newest_first = sorted(ready, key=lambda item: -item["created"])
        return {"deployments": newest_first, "pagination": {"count": len(ready), "next": None, "prev": None}}

    def change(self, name: str, kind: str, body: dict | None) -> object:
        if body is None:  # the CLI always sends one
            return refusal(400, "bad_request", "Invalid request: should be object")
        found = self.find(name)
        if not found:
            return refusal(404, "not_found", "Deployment not found")
        served = [item for item in self.deployments if item["readySubstate"] == "PROMOTED"]
        present = self.find(self.production or "")
        before = [item["id"] for item in served if present and item["created"] < present["created"]]
        if kind == "rollback" and self.plan == "hobby" and name not in before[-1:]:
            return refusal(402, "payment_required", PLAN_LIMIT)
        if self.release and self.release["state"] == "ACTIVE":
            if kind == "promote":
                return 202, {}
            self.release["state"] = "ABORTED"
        self.switch = {
            "type": kind,
            "fromDeploymentId": self.production,
            "toDeploymentId": name,
            "jobStatus": self.switch_result,
            "requestedAt": int(time.time() * 1000),
        }
        if self.switch_result == "succeeded":
            self.production = name
            found["readySubstate"] = "PROMOTED"
        return (201, {}) if kind == "promote" else (201, None)

    def stage(self, index: int) -> dict | None:
        percentages = [stage["targetPercentage"] for stage in self.rolling["stages"]]
        if index >= len(percentages):
            return None
        return {"index": index, "targetPercentage": percentages[index], "isFinalStage": index == len(percentages) - 1}

    def start(self, body: dict) -> object:
        if not self.rolling:
            return refusal(402, "payment_required", "Rolling Releases need the Pro plan")
        self.find(body["canaryDeploymentId"])["readySubstate"] = "ROLLING"
        self.release = {
            "state": "ACTIVE",
            "currentDeployment": {"id": self.production},
            "canaryDeployment": {"id": body["canaryDeploymentId"]},
            "advancementType": "manual-approval",
            "activeStage": self.stage(0),
            "nextStage": self.stage(1),
        }
        return {"rollingRelease": self.release}

    def approve(self, body: dict) -> object:
        assert body["canaryDeploymentId"] == self.release["canaryDeployment"]["id"]
        if body["activeStageIndex"] != self.release["activeStage"]["index"]:
            return refusal(400, "bad_request", "The active stage is another one")
        self.release["activeStage"] = self.stage(body["nextStageIndex"])
        self.release["nextStage"] = self.stage(body["nextStageIndex"] + 1)
        return {"rollingRelease": self.release}

    def complete(self, body: dict) -> object:
        self.release |= {"state": "COMPLETE", "activeStage": None, "nextStage": None}
        self.production = body["canaryDeploymentId"]
        self.find(self.production)["readySubstate"] = "PROMOTED"
        return {"rollingRelease": self.release}

    def logs(self) -> object:
        events = [
            {"timestamp": "2026-01-01T00:00:00.000Z", "httpStatus": status, "requestPath": "/"}
            for status in self.request_log
        ]
        return {"events": events, "pagination": {"hasMore": False, "nextCursor": None}, "meta": {}}

    def serve(self, host: str, path: str) -> tuple[int, object]:
        """Answer as a deployment does."""
        found = self.find(host)
        if not found:
            return 404, {"error": {"code": "DEPLOYMENT_NOT_FOUND"}}
        revision = found["meta"]["revision"]
        if revision in self.sick:
            return 503, {"status": "unavailable"}
        return 200, {"status": "ok", "version": revision}


def refusal(status: int, code: str, message: str) -> tuple[int, object]:
    return status, {"error": {"code": code, "message": message}}


class Handler(http.server.BaseHTTPRequestHandler):
    """Connects a Vercel to the network."""

    vercel: Vercel
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        if path.startswith("/.deployment/"):
            self.vercel.bypasses.append(self.headers.get("x-vercel-protection-bypass"))
            _, _, host, *rest = path.split("/")
            self.send(*self.vercel.serve(host, "/" + "/".join(rest)))
            return
        self.vercel.requests.append((self.command, self.path))
        self.vercel.authorizations.add(self.headers.get("Authorization"))
        if callable(self.vercel.on_request):
            self.vercel.on_request(self.command, path)
        trouble = self.trouble(path)
        if trouble and trouble.kind == "silence":
            time.sleep(60)
        elif trouble and trouble.kind == "garbage":
            self.send_bytes(200, b"<html>Bad gateway</html>", "text/html")
        elif trouble and trouble.kind != "cut":
            self.send(*refusal(trouble.kind, "trouble", "Something about the request"), trouble.headers)
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.send(*refusal(403, "forbidden", "Not authorized"))
        else:
            body = json.loads(content) if content and "json" in (self.headers.get("Content-Type") or "") else None
            answer = self.vercel.answer(self.command, path, query, body)
            if trouble:
                self.close_connection = True
                self.connection.close()
            else:
                self.send(*answer)

    do_GET = do_POST = do_PATCH = do_HEAD = do_PUT = do_DELETE = respond

    def trouble(self, path: str) -> Trouble | None:
        for trouble in self.vercel.troubles:
            if trouble.times > 0 and trouble.method == self.command and re.search(trouble.path, path):
                trouble.times -= 1
                return trouble
        return None

    def send(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        self.send_bytes(status, b"" if body is None else json.dumps(body).encode(), "application/json", headers)

    def send_bytes(self, status: int, content: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(vercel: Vercel) -> Iterator[str]:
    """Serve a Vercel on a free port of 127.0.0.1; give its address."""
    handler = type("Connected", (Handler,), {"vercel": vercel})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
