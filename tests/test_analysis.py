"""Promise: the analysis with Prometheus aborts a bad version, passes a good one, and passes none without data."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.test_manifests import build
from tests.tools import program

# Scrape intervals of Prometheus in seconds; its own default is 60, those of its charts are 15 to 60.
INTERVALS = [15, 30, 60]
START = 3600  # the new pods start
BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
COMPONENT = "deploy/components/prometheus-analysis"


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def enabled(project: Path, folder: Path) -> tuple[dict, dict]:
    """Return the Rollout and the AnalysisTemplate of production, with the component enabled as it describes."""
    shutil.copytree(project / "deploy", folder / "deploy")
    comment = (project / COMPONENT / "kustomization.yaml").read_text()
    [line] = re.findall(r"^# {3}(components: .+)$", comment, re.MULTILINE)
    with (folder / "deploy/overlays/production/kustomization.yaml").open("a") as kustomization:
        kustomization.write(f"{line}\n")
    objects = list(yaml.safe_load_all(build(folder / "deploy/overlays/production")))
    [rollout] = [item for item in objects if item["kind"] == "Rollout"]
    [template] = [item for item in objects if item["metadata"]["name"] == "orders-traffic"]
    return rollout, template


def analysis_of(rollout: dict) -> dict:
    strategy = rollout["spec"]["strategy"]
    return strategy["canary"]["analysis"] if "canary" in strategy else strategy["blueGreen"]["postPromotionAnalysis"]


def resolved(rollout: dict, template: dict) -> list[dict]:
    """Return the metrics with the arguments that Argo Rollouts passes; each of them has a value."""
    values = {"Latest": "bbb", "Stable": "aaa"}
    passed = {
        arg["name"]: values.get(arg["valueFrom"].get("podTemplateHashValue"), "orders-production")
        for arg in analysis_of(rollout)["args"]
    }
    arguments = {arg["name"]: passed.get(arg["name"], arg.get("value")) for arg in template["spec"]["args"]}
    assert None not in arguments.values()
    text = json.dumps(template["spec"]["metrics"])
    return json.loads(re.sub(r"\{\{args\.([\w-]+)\}\}", lambda found: json.dumps(arguments[found[1]])[1:-1], text))


def pod(release: str, number: int, interval: int, begins: int, ends: int, loads: list[tuple]) -> list[dict]:
    """Return the series of a pod: each load is requests per second, route, status and seconds of an answer.

    The first scrape is as late as it can be. A series exists only after its first request.
    """
    labels = {"namespace": "orders-production", "pod": f"orders-{release}-{number}", "method": "GET"}
    series: dict[tuple, list] = {}
    for at in range(begins + interval - 1, START + 600, interval):
        counts: dict[tuple, int] = {}
        for rate, route, status, latency in loads:
            total = int(rate * (min(at, ends) - begins))
            counts["http_requests_total", route, status, None] = total
            for bucket in [*BUCKETS, "+Inf"]:
                slower = bucket != "+Inf" and latency > bucket
                counts["http_request_duration_seconds_bucket", route, status, str(bucket)] = 0 if slower else total
        for (name, route, status, bucket), value in counts.items():
            if counts["http_requests_total", route, status, None]:
                series.setdefault((name, route, status, bucket), []).append([at, value])
    return [
        {
            "labels": {"__name__": name, **labels, "route": route, "status": status}
            | ({"le": bucket} if bucket else {}),
            "samples": samples,
        }
        for (name, route, status, bucket), samples in series.items()
    ]


def users(rate: float, *, errors: float = 0, latency: float = 0.03) -> list[tuple]:
    """Return the load of a pod from users, with a share of errors."""
    loads = [(rate * (1 - errors), "/api/v1/notes", "200", latency), (rate * errors, "/api/v1/notes", "500", latency)]
    return [load for load in loads if load[0]]


PROBES = [(3, "/", "200", 0.005)]  # 60 requests in each Job of the other analysis
GOOD, LOW = users(2), users(0.1)
HALF, SLOW = users(2, errors=0.5), users(2, latency=0.6)

# What the stable pods and the new pod answer, and the verdict on it.
CASES = {
    "good": (GOOD, GOOD, "Successful"),
    "half of all answers are 500": (GOOD, HALF, "Failed"),
    "one answer in 20 is 500": (GOOD, users(2, errors=0.05), "Failed"),
    "both fail alike, as a dependency is down": (HALF, HALF, "Successful"),
    "only the stable version fails": (HALF, GOOD, "Successful"),
    "slow": (GOOD, SLOW, "Failed"),
    "both are slow": (SLOW, SLOW, "Successful"),
    "good with little traffic": (LOW, LOW, "Inconclusive"),
    "half of little traffic is 500": (LOW, users(0.1, errors=0.5), "Inconclusive"),
    "only the probe sends requests": ([], [], "Inconclusive"),
    "only the new version has traffic": ([], GOOD, "Inconclusive"),
}


def scenario(strategy: str, interval: int, stable: list[tuple], new: list[tuple]) -> list[dict]:
    """Return the series of a release: a canary shares the traffic, blue-green switches it to the new pods."""
    ends = START if strategy == "blue-green" else START + 600
    old = [series for number in range(4) for series in pod("aaa", number, interval, 0, ends, stable)]
    return [*old, *pod("bbb", 0, interval, START, START + 600, [*new, *PROBES])]


def conclude(metrics: list[dict], phases: list[list[str]], times: list[int]) -> tuple[str, int]:
    """Return the verdict of an AnalysisRun and when it is there, in seconds.

    A metric ends by its limits or its count; the worst metric ends the run:
    https://github.com/argoproj/argo-rollouts/blob/v1.10.2/analysis/analysis.go (assessMetricFailureInconclusiveOrError,
    assessMetricStatus) and utils/analysis/helpers.go (IsWorse).
    """
    for number, at in enumerate(times, start=1):
        verdicts = set()
        for metric, row in zip(metrics, phases, strict=True):
            seen = row[:number]
            if seen[-5:] == ["Error"] * 5:  # consecutiveErrorLimit is 4 by default
                verdicts.add("Error")
            elif seen.count("Inconclusive") > metric.get("inconclusiveLimit", 0):
                verdicts.add("Inconclusive")
            elif seen.count("Failed") > metric.get("failureLimit", 0):
                verdicts.add("Failed")
        for worst in ["Failed", "Error", "Inconclusive"]:
            if worst in verdicts:
                return worst, at
    return "Successful", times[-1]


@pytest.mark.parametrize("strategy", ["canary", "blue-green"])
def test_the_analysis_judges_users_answers_at_any_scrape_interval(render, tmp_path, strategy):
    rollout, template = enabled(render(platform="kubernetes", strategy=strategy, project_name="orders"), tmp_path)
    assert {"templateName": "orders-traffic"} in analysis_of(rollout)["templates"]
    metrics = resolved(rollout, template)
    [timing] = {(metric["initialDelay"], metric["interval"], metric.get("count")) for metric in metrics}
    delay, interval = seconds(timing[0]), seconds(timing[1])
    if strategy == "canary":
        # The analysis ends with the last share; it must have a verdict in the first one, before it affects more users.
        [share, _] = [
            step["pause"]["duration"] for step in rollout["spec"]["strategy"]["canary"]["steps"] if "pause" in step
        ]
        count = (seconds(share) - 1 - delay) // interval + 1
    else:
        # Argo Rollouts and scripts/deploy abort a rollout that makes no progress.
        count = timing[2]
        assert delay + interval * count < rollout["spec"]["progressDeadlineSeconds"]
    times = [delay + interval * number for number in range(count)]

    work, expected = [], {}
    for every in INTERVALS:
        for name, (stable, new, verdict) in CASES.items():
            expected[f"{name}, every {every} s"] = verdict
            work.append(scenario(strategy, every, stable, new))
    # The targets of a Prometheus that has no rule for the label `pod`, and no targets.
    expected["without the label"] = expected["unscraped"] = "Inconclusive"
    nameless = scenario(strategy, 15, GOOD, GOOD)
    for series in nameless:
        del series["labels"]["pod"]
    work.extend([nameless, []])

    conditions = [
        {
            "query": metric["provider"]["prometheus"]["query"],
            "success": metric.get("successCondition", ""),
            "failure": metric.get("failureCondition", ""),
        }
        for metric in metrics
    ]
    work = [{"series": series, "metrics": conditions, "times": [START + at for at in times]} for series in work]
    done = subprocess.run([program("analysis")], input=json.dumps(work), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    concluded = [conclude(metrics, phases, times) for phases in json.loads(done.stdout)]
    assert dict(zip(expected, [verdict for verdict, _ in concluded], strict=True)) == expected
    # A version that fails is aborted as soon as Prometheus can have two samples and two measurements saw them.
    failing = [at for name, (_, at) in zip(expected, concluded, strict=True) if name.startswith("half of all")]
    assert failing == [pytest.approx(2 * every + 2 * interval, abs=interval) for every in INTERVALS]


# The two requests of await_rollout, as Argo Rollouts answers them while its controller waits and after `promote`:
# https://github.com/argoproj/argo-rollouts/blob/v1.10.2/utils/rollout/rolloututil.go (CalculateRolloutPhase)
AWAIT = """
set -eu
name=orders namespace=orders-production server=app=orders
say() { printf '%s\\n' "$*"; }
pause() { :; }
stuck_pod() { :; }
describe_pods() { :; }
date() { echo "$(($(cat "$TICKS")))"; }
field() {
  case $2 in
    *RunStatus.message) echo 'Metric "errors" assessed Inconclusive due to inconclusive (7) > inconclusiveLimit (6)' ;;
    *)
      echo "$(($(cat "$TICKS") + 300))" >"$TICKS.next" && mv "$TICKS.next" "$TICKS"
      state='Paused: InconclusiveAnalysis'
      [ "$(cat "$TICKS")" -lt "$PROMOTED" ] || state='Healthy: '
      printf '4 4\\n300\\nbbb\\n\\n%s (1 new pods, 5 available of 5\\n' "$state"
      ;;
  esac
}
. scripts/lib/workload.sh
await_rollout || { echo "error: $problem"; exit 1; }
"""


@pytest.mark.parametrize(
    ("strategy", "promote"), [("canary", "continue, and analyze"), ("blue-green", "analyze it again")]
)
def test_an_inconclusive_release_waits_for_a_decision(render, tmp_path, strategy, promote):
    project = render(platform="kubernetes", strategy=strategy, project_name="orders")

    def await_rollout(promoted: int) -> tuple[int, str]:
        (tmp_path / "ticks").write_text("0")
        done = subprocess.run(
            ["sh", "-c", AWAIT],
            cwd=project,
            env={**os.environ, "TICKS": str(tmp_path / "ticks"), "PROMOTED": str(promoted)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not done.stderr
        return done.returncode, done.stdout

    code, printed = await_rollout(promoted=600)
    assert code == 0
    assert printed.count("has no verdict: Metric") == 1
    assert "In 35 minutes it is reverted" in printed
    assert f"promote orders -n orders-production          # {promote}" in printed

    code, printed = await_rollout(promoted=9999)
    assert code == 1
    assert printed.endswith("error: the analysis is inconclusive, and nobody promoted the release\n")
