"""Stands in for `gh` where a test sets a repository up: GitHub's answers in its own form, from a state kept in a file.

Run as a program. GITHUB_API_FOLDER holds state.json and calls.jsonl; GOJQ is the program that evaluates --jq.
The script under test calls it hundreds of times: it imports little and ends in GOJQ.
"""

import itertools
import json
import os
import re
import sys

REPOSITORY = "repos/example/my-service"


class Refused(Exception):
    """What GitHub does not do, in its words."""


def environment_in_form(environment: dict) -> dict:
    """Return an environment as GitHub's API shows it."""
    reviewers = [
        {"type": reviewer["type"], "reviewer": {"id": reviewer["id"], "login": "…"}}
        for reviewer in environment["reviewers"]
    ]
    rules = [{"id": 1, "type": "branch_policy"}] if environment["policy"] else []
    rules += [{"id": 2, "type": "required_reviewers", "reviewers": reviewers}] if reviewers else []
    return {"protection_rules": rules, "deployment_branch_policy": environment["policy"]}


def read(state: dict, path: str) -> object:
    """Return what a GET answers; raise KeyError for 404."""
    path = path.split("?")[0]
    simple = {
        REPOSITORY: {"permissions": {"admin": state["admin"]}},
        "user": {"login": state["user"], "id": state["users"][state["user"]]},
        f"{REPOSITORY}/actions/permissions/workflow": state["workflow"],
        f"{REPOSITORY}/private-vulnerability-reporting": {"enabled": state["private_reporting"]},
        f"{REPOSITORY}/codeowners/errors": {"errors": state["codeowners_errors"]},
        f"{REPOSITORY}/rulesets": [{"id": int(id), "name": rules["name"]} for id, rules in state["rulesets"].items()],
        f"{REPOSITORY}/actions/variables": {"variables": [{"name": name} for name in state["repository"]["variables"]]},
    }
    if path in simple:
        return simple[path]
    if path == f"{REPOSITORY}/vulnerability-alerts" and state["alerts"]:
        return None
    if found := re.fullmatch(r"users/([\w-]+)", path):
        return {"id": state["users"][found[1]]}
    if found := re.fullmatch(r"orgs/([\w-]+)/teams/([\w-]+)", path):
        return {"id": state["teams"][f"{found[1]}/{found[2]}"]}
    if found := re.fullmatch(rf"{REPOSITORY}/rulesets/(\d+)", path):
        return state["rulesets"][found[1]]
    if found := re.fullmatch(rf"{REPOSITORY}/environments/([\w-]+)(?:/([\w-]+))?", path):
        environment = state["environments"][found[1]]
        match found[2]:
            case None:
                return environment_in_form(environment)
            case "deployment-branch-policies":
                return {"branch_policies": [{"name": name} for name in environment["branches"]]}
            case "variables" | "secrets":
                return {found[2]: [{"name": name} for name in environment[found[2]]]}
    raise KeyError(path)


def write(state: dict, method: str, path: str, body: dict) -> None:
    """Do what a PUT or POST does; raise Refused where GitHub refuses."""
    if (method, path) == ("PUT", f"{REPOSITORY}/actions/permissions/workflow"):
        state["workflow"] = body
    elif (method, path) == ("PUT", f"{REPOSITORY}/vulnerability-alerts"):
        state["alerts"] = True
    elif (method, path) == ("PUT", f"{REPOSITORY}/private-vulnerability-reporting"):
        state["private_reporting"] = True
    elif method == "PUT" and (found := re.fullmatch(rf"{REPOSITORY}/environments/([\w-]+)", path)):
        if found[1] in state["refused"] or (body.get("reviewers") and not state["reviewers_allowed"]):
            raise Refused("gh: Failed to create the environment protection rule. (HTTP 422)")
        empty = {"branches": [], "variables": {}, "secrets": {}}
        environment = state["environments"].setdefault(found[1], empty)
        environment["policy"] = body["deployment_branch_policy"]
        environment["reviewers"] = body.get("reviewers", [])
    elif method == "POST" and (
        found := re.fullmatch(rf"{REPOSITORY}/environments/([\w-]+)/deployment-branch-policies", path)
    ):
        environment = state["environments"][found[1]]
        if not (environment["policy"] or {}).get("custom_branch_policies") or body["name"] in environment["branches"]:
            raise Refused("gh: Validation Failed (HTTP 422)")
        environment["branches"].append(body["name"])
    elif method == "POST" and path == f"{REPOSITORY}/rulesets":
        state["rulesets"][str(len(state["rulesets"]) + 1)] = body
    elif method == "PUT" and (found := re.fullmatch(rf"{REPOSITORY}/rulesets/(\d+)", path)):
        state["rulesets"][found[1]] = body
    else:
        raise Refused(f"gh: Not Found: {method} {path} (HTTP 404)")


def api(state: dict, arguments: list[str]) -> int:
    """Do `gh api`; return the exit code."""
    path = next(argument for argument in arguments if re.match(r"(repos|users|orgs|user)\b", argument))
    options = dict(itertools.pairwise(arguments))
    method = options.get("--method", "GET")
    if method != "GET":
        body = json.loads(sys.stdin.read()) if options.get("--input") == "-" else {}
        try:
            write(state, method, path, body)
        except Refused as refused:
            print(refused, file=sys.stderr)
            return 1
        return 0
    try:
        answer = read(state, path)
    except KeyError:
        # As gh does: the body in spite of --jq, and the reason.
        print('{"message":"Not Found","status":"404"}')
        print("gh: Not Found (HTTP 404)", file=sys.stderr)
        return 1
    if "--jq" in options:
        given, into = os.pipe()
        os.write(into, json.dumps(answer).encode())
        os.close(into)
        os.dup2(given, 0)
        os.execv(os.environ["GOJQ"], ["gojq", "--raw-output", options["--jq"]])
    print(json.dumps(answer))
    return 0


def set_value(state: dict, kind: str, arguments: list[str]) -> int:
    """Do `gh secret set` or `gh variable set`; return the exit code."""
    options = dict(itertools.pairwise(arguments))
    place = state["environments"][options["--env"]] if "--env" in options else state["repository"]
    value = options["--body"] if kind == "variable" else sys.stdin.read()
    place[f"{kind}s"][arguments[0]] = value
    return 0


def main() -> int:
    """Answer one call and return its exit code."""
    folder = os.environ["GITHUB_API_FOLDER"]
    arguments = sys.argv[1:]
    with open(f"{folder}/state.json") as file:  # noqa: PTH123
        state = json.load(file)
    writes = "--method" in arguments or arguments[1] == "set"
    with open(f"{folder}/calls.jsonl", "a") as calls:  # noqa: PTH123
        calls.write(json.dumps({"arguments": arguments, "writes": writes}) + "\n")
    code = api(state, arguments[1:]) if arguments[0] == "api" else set_value(state, arguments[0], arguments[2:])
    if writes:
        with open(f"{folder}/state.json", "w") as file:  # noqa: PTH123
            json.dump(state, file)
    return code


if __name__ == "__main__":
    sys.exit(main())
