"""Checks of alerts on Kubernetes: PrometheusRules."""

import re
from typing import Any

from readiness.checks.files import headings
from readiness.documents import get
from readiness.findings import Findings, judge, passed
from readiness.manifests import Manifest, environments, manifest_files, objects
from readiness.registry import check, proof
from readiness.repository import Repository

RUNBOOK = "RUNBOOK.md"


def alerts(rules: Manifest) -> list[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Return the alerts of a manifest, each with the keys that lead to it: only a PrometheusRule has some."""
    if get(rules.content, "kind") != "PrometheusRule":
        return []
    return [
        (("spec", "groups", number, "rules", place), rule)
        for number, group in enumerate(get(rules.content, "spec", "groups", default=[]))
        for place, rule in enumerate(get(group, "rules", default=[]))
        if "alert" in rule
    ]


def find_alerts(repository: Repository, *patterns: str) -> Findings:
    """Return the PrometheusRules of the environments whose expressions match all patterns."""
    for environment in environments(repository):
        for rules in objects(repository, environment, "PrometheusRule"):
            text = str(rules.content)
            if alerts(rules) and all(re.search(pattern, text) for pattern in patterns):
                yield passed(f"{environment}: {len(alerts(rules))} alerts of {rules.name}", rules.place("metadata"))


@proof("alert-on-errors")
def alert_on_errors(repository: Repository) -> Findings:
    """Find alerts on a share of 5xx and on a histogram of durations."""
    return find_alerts(repository, r"5(\.\.|xx|\.\*|\.\+)", r"_(bucket|duration|latency)")


@proof("alert-on-restarts")
def alert_on_restarts(repository: Repository) -> Findings:
    """Find alerts on restarts, which kube-state-metrics counts."""
    return find_alerts(repository, "kube_pod_container_status_restarts_total|CrashLoopBackOff")


@check("kubernetes", "alerts-explained")
def alerts_explained(repository: Repository) -> Findings:
    known = headings(repository.root / RUNBOOK)
    for file in manifest_files(repository):
        for document in repository.documents(file):
            rules = Manifest(document, file, document)
            for keys, alert in alerts(rules):
                severity, url = get(alert, "labels", "severity"), get(alert, "annotations", "runbook_url", default="")
                page, _, anchor = url.partition("#")
                is_complete = severity and page.endswith(f"/{RUNBOOK}") and anchor in known
                seen = f"{alert['alert']}: severity {severity}, runbook_url {url}"
                yield judge(is_complete, seen, f"a severity, and a heading of {RUNBOOK}", rules.place(*keys))
