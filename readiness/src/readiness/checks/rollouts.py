"""Checks of releases by Argo Rollouts."""

import re
from typing import Any
from urllib.parse import urlsplit

from readiness.conditions import UnknownConditionError, is_successful
from readiness.documents import get, to_yaml
from readiness.findings import CannotJudgeError, Findings, judge
from readiness.manifests import METRIC_JOB, Manifest, fewest_pods, objects, objects_everywhere
from readiness.registry import check
from readiness.repository import Repository

# Failures of one metric that a release gets away with, for a single answer that was slow.
MOST_FAILURES = 2
SECONDS_OF = {"s": 1, "m": 60, "h": 3600}


def rollouts(repository: Repository) -> list[tuple[str, Manifest, str, dict[str, Any]]]:
    """Return the Rollout of each environment, with the name and the content of its strategy."""
    return [
        (environment, rollout, name, how)
        for environment, rollout in objects_everywhere(repository, "Rollout")
        for name, how in get(rollout.content, "spec", "strategy", default={}).items()
    ]


def seconds_of(duration: object) -> float:
    """Return the seconds of a duration such as 15, 15s or 2m; infinity for none, as when a person is waited for."""
    if duration is None:
        return float("inf")
    parts = re.findall(r"(\d+)([smh]?)", str(duration))
    return sum(int(number) * SECONDS_OF[unit or "s"] for number, unit in parts)


def templates(repository: Repository, environment: str, analysis: object) -> list[Manifest]:
    """Return those of the templates that an analysis names which exist in an environment."""
    names = [get(entry, "templateName") for entry in get(analysis, "templates", default=[])]
    return [found for found in objects(repository, environment, "AnalysisTemplate") if found.name in names]


def analyses(how: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every analysis of a strategy."""
    keys = ("analysis", "prePromotionAnalysis", "postPromotionAnalysis")
    steps = [get(step, "analysis") for step in get(how, "steps", default=[])]
    return [analysis for analysis in [*(get(how, key) for key in keys), *steps] if analysis]


@check("kubernetes-rollouts", "slow-start-undone")
def slow_start_undone(repository: Repository) -> Findings:
    for environment, rollout, _, _ in rollouts(repository):
        aborts = get(rollout.content, "spec", "progressDeadlineAbort", default=False)
        seen = f"{environment}: progressDeadlineAbort {to_yaml(aborts)}"
        yield judge(aborts is True, seen, "true", rollout.place("spec", "progressDeadlineAbort"))


@check("kubernetes-rollouts", "analysis-asks-new-pods")
def analysis_asks_new_pods(repository: Repository) -> Findings:
    for environment, rollout, strategy, how in rollouts(repository):
        key = "previewService" if strategy == "blueGreen" else "canaryService"
        own, others = get(how, key), {get(how, other) for other in ("activeService", "stableService")}
        place = rollout.place("spec", "strategy", strategy, key)
        services = [service.name for service in objects(repository, environment, "Service")]
        expected = "a Service of its own that exists"
        yield judge(own in services and own not in others, f"{environment}: {key} {to_yaml(own)}", expected, place)
        for template in (found for analysis in analyses(how) for found in templates(repository, environment, analysis)):
            for number, metric in enumerate(get(template.content, "spec", "metrics", default=[])):
                containers = get(metric, *METRIC_JOB, "spec", "template", "spec", "containers", default=[])
                words = [word for container in containers for word in get(container, "args", default=[])]
                hosts = {urlsplit(word).hostname for word in words if "://" in word}
                query = get(metric, "provider", "prometheus", "query", default="")
                seen = f"{environment}: {metric['name']} queries {', '.join(hosts) or query or 'nothing'}"
                place = template.place("spec", "metrics", number, "provider")
                is_own = hosts == {own} or "{{args.release}}" in query
                yield judge(is_own, seen, f"{own} and nothing else", place)


@check("kubernetes-rollouts", "analysis-ends-release")
def analysis_ends_release(repository: Repository) -> Findings:
    for environment, rollout, strategy, how in rollouts(repository):
        is_dry = get(how, "dryRun") or any(get(analysis, "dryRun") for analysis in analyses(how))
        place = rollout.place("spec", "strategy", strategy)
        yield judge(not is_dry, f"{environment}: dryRun {to_yaml(bool(is_dry))}", "false", place)
        for template in (found for analysis in analyses(how) for found in templates(repository, environment, analysis)):
            for number, metric in enumerate(get(template.content, "spec", "metrics", default=[])):
                failures, count = get(metric, "failureLimit", default=0), get(metric, "count", default=float("inf"))
                seen = f"{environment}: {metric['name']} may fail {failures} times"
                place = template.place("spec", "metrics", number, "failureLimit")
                is_strict = 0 <= failures <= MOST_FAILURES and failures < count
                yield judge(is_strict, seen, f"at most {MOST_FAILURES}, and less than its count", place)
                job = get(metric, *METRIC_JOB, "spec")
                if job:
                    deadline, retries = get(job, "activeDeadlineSeconds"), get(job, "backoffLimit", default=6)
                    seen = f"{environment}: activeDeadlineSeconds {to_yaml(deadline)}, backoffLimit {retries}"
                    place = template.place("spec", "metrics", number, *METRIC_JOB, "spec", "activeDeadlineSeconds")
                    yield judge(deadline and retries == 0, seen, "a limit, and no retries", place)


# What a query returns without data: nothing, or the quotient of two zeros; None is the result of other providers.
NO_DATA: tuple[object, ...] = ([], [float("nan")], float("nan"), None)


@check("kubernetes-rollouts", "analysis-requires-data")
def analysis_requires_data(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        found = [template for analysis in analyses(how) for template in templates(repository, environment, analysis)]
        if not found:
            yield judge(True, f"{environment}: no analysis", "", rollout.place("spec", "strategy"))
        for template in found:
            for number, metric in enumerate(get(template.content, "spec", "metrics", default=[])):
                place = template.place("spec", "metrics", number, "successCondition")
                if get(metric, *METRIC_JOB):
                    yield judge(True, f"{environment}: {metric['name']} is the result of a Job", "", place)
                    continue
                query = get(metric, "provider", "prometheus", "query", default="")
                # The number that the query itself returns without data.
                instead = re.search(r"\bor\s+(?:on\s*\(\s*\)\s*)?vector\(\s*([\d.]+)\s*\)\s*$", query)
                results = [*NO_DATA, *([[float(instead[1])]] if instead else [])]
                try:
                    passes = any(is_successful(metric, result) for result in results)
                except UnknownConditionError as error:
                    raise CannotJudgeError(f"{metric['name']}: this check does not know {error}", place) from error
                seen = f"{environment}: {metric['name']} {'passes' if passes else 'does not pass'} without data"
                yield judge(not passes, seen, "conditions that fail or are both false without data", place)


# Argo Rollouts' own 30 seconds are over before anybody has looked.
SHORTEST_KEPT_SECONDS = 600


@check("kubernetes-blue-green", "analysed-before-switch")
def analysed_before_switch(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        analysis = get(how, "prePromotionAnalysis", default={})
        found = templates(repository, environment, analysis)
        place = rollout.place("spec", "strategy", "blueGreen", "prePromotionAnalysis")
        seen = f"{environment}: prePromotionAnalysis by {', '.join(each.name for each in found) or 'nothing'}"
        yield judge(found, seen, "an AnalysisTemplate that exists", place)
        for template in found:
            for number, metric in enumerate(get(template.content, "spec", "metrics", default=[])):
                count = get(metric, "count", default="no count" if "interval" in metric else 1)
                seen, place = f"{environment}: {metric['name']}: {count}", template.place("spec", "metrics", number)
                yield judge(count != "no count", seen, "a count, or it never ends", place)


@check("kubernetes-blue-green", "new-version-whole")
def new_version_whole(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        fewer = get(how, "previewReplicaCount")
        place = rollout.place("spec", "strategy", "blueGreen", "previewReplicaCount")
        seen = f"{environment}: previewReplicaCount {to_yaml(fewer)}"
        yield judge(fewer is None, seen, "none: as many as before", place)


@check("kubernetes-blue-green", "previous-version-kept")
def previous_version_kept(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        seconds = get(how, "scaleDownDelaySeconds", default=30)
        versions = get(how, "scaleDownDelayRevisionLimit", default=1)
        seen = f"{environment}: {versions} previous version runs on for {seconds} s"
        place = rollout.place("spec", "strategy", "blueGreen", "scaleDownDelaySeconds")
        is_kept = seconds >= SHORTEST_KEPT_SECONDS and versions >= 1
        yield judge(is_kept, seen, f"1 or more, for {SHORTEST_KEPT_SECONDS} s or more", place)


LARGEST_FIRST_SHARE_PERCENT = 25


def shares(how: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the shares of a canary that are not all, each as number of its step and percent."""
    steps = enumerate(get(how, "steps", default=[]))
    return [(number, step["setWeight"]) for number, step in steps if get(step, "setWeight", default=100) < 100]


@check("kubernetes-canary", "rollout-loses-no-pod")
def rollout_loses_no_pod(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        unavailable, surge = get(how, "maxUnavailable", default="25%"), get(how, "maxSurge", default="25%")
        seen = f"{environment}: maxUnavailable {unavailable}, maxSurge {surge}"
        place = rollout.place("spec", "strategy", "canary", "maxUnavailable")
        yield judge(unavailable in {0, "0%"} and surge not in {0, "0%"}, seen, "0 and at least 1", place)


@check("kubernetes-canary", "canary-analysed")
def canary_analysed(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        analysis = get(how, "analysis", default={})
        found = templates(repository, environment, analysis)
        place = rollout.place("spec", "strategy", "canary", "analysis")
        seen = f"{environment}: analysis by {', '.join(each.name for each in found) or 'nothing'}"
        yield judge(found, seen, "an AnalysisTemplate that exists", place)
        first, percent = next(iter(shares(how)), (0, 100))
        place = rollout.place("spec", "strategy", "canary", "steps", first)
        is_small = percent <= LARGEST_FIRST_SHARE_PERCENT
        expected = f"at most {LARGEST_FIRST_SHARE_PERCENT} %"
        yield judge(is_small, f"{environment}: the first share is {percent} %", expected, place)
        start = get(analysis, "startingStep", default=0)
        seen, place = f"{environment}: startingStep {start}", rollout.place("spec", "strategy", "canary", "analysis")
        yield judge(start <= first + 1, seen, f"at most {first + 1}, right after the first share", place)


@check("kubernetes-canary", "shares-fit-pods")
def shares_fit_pods(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        pods, _ = fewest_pods(repository, environment, rollout)
        for number, percent in shares(how):
            seen = f"{environment}: {percent} % of {pods} pods"
            place = rollout.place("spec", "strategy", "canary", "steps", number)
            yield judge(pods * percent % 100 == 0, seen, "whole pods", place)


@check("kubernetes-canary", "shares-last-long-enough")
def shares_last_long_enough(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        needed = 0.0
        for template in templates(repository, environment, get(how, "analysis", default={})):
            for metric in get(template.content, "spec", "metrics", default=[]):
                measurements = max(get(metric, limit, default=0) for limit in ("failureLimit", "inconclusiveLimit"))
                between = seconds_of(get(metric, "interval", default=0)) * measurements
                job = get(metric, *METRIC_JOB, "spec", "activeDeadlineSeconds", default=0)
                needed = max(needed, seconds_of(get(metric, "initialDelay", default=0)) + between + job)
        for number, percent in shares(how):
            pause = get(how, "steps", number + 1, "pause")
            seconds = 0 if pause is None else seconds_of(get(pause, "duration"))
            seen = f"{environment}: {percent} % for {seconds} s"
            place = rollout.place("spec", "strategy", "canary", "steps", number)
            yield judge(seconds > needed, seen, f"more than {needed:.0f} s, in which the analysis can fail", place)
