"""A place where emitted scripts meet the stand-in for Vercel, called as they are: only the network is another."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

from tests.callers import hostile_variables
from tests.updates import commit_all, git
from tests.vercel import command_line
from tests.vercel.api import PROJECT, TEAM, TOKEN, Vercel

# `npx` records its arguments and builds an empty page. For the commands of `real_cli` it starts the real CLI against
# the stand-in. For all others it sends the same requests itself, which takes a tenth of the time.
NPX = """#!{python} -IS
import os, sys
with open({calls!r}, "a") as calls:
    calls.write("npx " + " ".join(sys.argv[1:]) + "\\n")
assert sys.argv[1:3] == ["--yes", "vercel@{version}"], sys.argv
arguments = sys.argv[3:]
if arguments[0] == "build":
    os.makedirs(".vercel/output/static")
    open(".vercel/output/static/index.html", "w").write("built")
    open(".vercel/output/config.json", "w").write('{{"version": 3}}')
    sys.exit(int(os.environ.get("BUILD_EXIT", "0")))
if arguments[0] in {real_cli!r}:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    os.execv({cli!r}, [{cli!r}, *arguments[:end], "--api", {address!r}, *arguments[end:]])

import http.client, json

def send(method, path, body=None):
    connection = http.client.HTTPConnection({address!r}.removeprefix("http://"))
    token = os.environ["VERCEL_TOKEN"]
    headers = {{"Authorization": "Bearer " + token, "Content-Type": "application/json"}}
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    return json.load(answer)

def pairs(option):
    values = [value for name, value in zip(arguments, arguments[1:]) if name == option]
    return dict(value.split("=", 1) for value in values)

if arguments[0] == "pull":
    os.mkdir(".vercel")
elif arguments[0] == "deploy":
    assert os.path.exists(".vercel/output/config.json")
    body = {{"meta": pairs("--meta"), "env": pairs("--env")}}
    if "--prod" in arguments:
        body["target"] = "production"
    print("https://" + send("POST", "/v13/deployments", body)["url"])
elif arguments[:2] == ["logs", "requests"]:
    for event in send("POST", "/v1/observability/events")["events"]:
        print(json.dumps({{"type": "request", "data": event}}))
else:
    sys.exit("no such command: " + arguments[0])
"""

# `curl` goes to the stand-in instead of to Vercel and its deployments, and waits for two seconds at most.
CURL = """#!/bin/sh
limited=
echo "curl $*" >>{calls}
for argument; do
  shift
  case $limited:$argument in
    yes:*) argument=2 ;;
    :https://api.vercel.com/*) argument={address}/${{argument#https://api.vercel.com/}} ;;
    :https://*.vercel.app/*) argument={address}/.deployment/${{argument#https://}} ;;
  esac
  case $argument in --max-time | --connect-timeout) limited=yes ;; *) limited= ;; esac
  set -- "$@" "$argument"
done
exec {curl} "$@"
"""

# `sleep` takes a tenth of a second: the limits of commands stay above what they take here.
SLEEP = """#!/bin/sh
exec {sleep} 0.1
"""


class Stage:
    """An emitted project in a Git repository of its own, and its scripts run there against a stand-in.

    Arguments:
        project: the emitted project.
        vercel: the stand-in's state.
        address: where the stand-in is served.
        folder: where programs are put before those of PATH.
        real_cli: the commands for which the scripts start the real CLI.

    """

    def __init__(self, project: Path, vercel: Vercel, address: str, folder: Path, *, real_cli: tuple[str, ...] = ()):
        self.project, self.vercel, self.folder = project, vercel, folder
        self.calls_file = folder / "calls"
        self.calls_file.touch()
        commit_all(project, "Start")
        self.revision = git(project, "rev-parse", "HEAD").strip()
        values = {
            "python": sys.executable,
            "calls": str(self.calls_file),
            "version": command_line.VERSION,
            "real_cli": real_cli,
            "cli": command_line.vercel() if real_cli else "",
            "curl": shutil.which("curl"),
            "sleep": shutil.which("sleep"),
            "address": address,
        }
        (folder / "bin").mkdir()
        for name, text in {"npx": NPX, "curl": CURL, "sleep": SLEEP}.items():
            path = folder / "bin" / name
            path.write_text(text.format(**values))
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def environment(self, **variables: str | None) -> dict[str, str]:
        """Return the environment of a script; a change to None takes a variable away."""
        ours = {
            **hostile_variables(self.project),
            "VERCEL_TOKEN": TOKEN,
            "VERCEL_ORG_ID": TEAM,
            "VERCEL_PROJECT_ID": PROJECT,
            "SMOKE_SECONDS": "0",
            "STAGE_SECONDS": "0",
            "XDG_DATA_HOME": str(self.folder / "data"),
            "PATH": f"{self.folder / 'bin'}:{command_line.environment()['PATH']}",
        }
        both = command_line.environment(**ours) | variables
        return {name: value for name, value in both.items() if value is not None}

    def start(self, script: str, *arguments: str, **variables: str | None) -> subprocess.Popen[str]:
        """Start a script."""
        return subprocess.Popen(
            [self.project / "scripts" / script, *arguments],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=self.environment(**variables),
        )

    def run(self, script: str, *arguments: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
        """Run a script to its end; whatever it prints, it is never the token."""
        started = self.start(script, *arguments, **variables)
        out, err = started.communicate(timeout=180)
        assert TOKEN not in out + err + self.calls
        return subprocess.CompletedProcess(started.args, started.returncode, out, err)

    @property
    def calls(self) -> str:
        """What was called so far, a line for each call."""
        return self.calls_file.read_text()
