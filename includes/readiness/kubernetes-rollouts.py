# --- Rollouts ---

# Failures of one metric that a release gets away with, for a single answer that was slow.
MOST_FAILURES = 2
SECONDS_OF = {"s": 1, "m": 60, "h": 3600}


def rollouts(repository: Repository) -> list[tuple[str, Manifest, str, dict]]:
    """Return the Rollout of each environment, with the name of its strategy and what that says."""
    return [
        (environment, rollout, name, how)
        for environment, rollout in every(repository, "Rollout")
        for name, how in at(rollout.content, "spec", "strategy", default={}).items()
    ]


def seconds_of(duration: object) -> float:
    """Return the seconds of a duration such as 15, 15s or 2m; infinity for none, as when a person is waited for."""
    if duration is None:
        return float("inf")
    parts = re.findall(r"(\d+)([smh]?)", str(duration))
    return sum(int(number) * SECONDS_OF[unit or "s"] for number, unit in parts)


def templates(repository: Repository, environment: str, analysis: object) -> list[Manifest]:
    """Return those of the templates that an analysis names which exist in an environment."""
    names = [at(entry, "templateName") for entry in at(analysis, "templates", default=[])]
    return [found for found in of_kind(repository, environment, "AnalysisTemplate") if found.name in names]


def analyses(how: dict) -> list[dict]:
    """Return every analysis of a strategy."""
    keys = ("analysis", "prePromotionAnalysis", "postPromotionAnalysis")
    steps = [at(step, "analysis") for step in at(how, "steps", default=[])]
    return [analysis for analysis in [*(at(how, key) for key in keys), *steps] if analysis]


@check
def slow_start_undone(repository: Repository) -> Findings:
    for environment, rollout, _, _ in rollouts(repository):
        aborts = at(rollout.content, "spec", "progressDeadlineAbort", default=False)
        seen = f"{environment}: progressDeadlineAbort {shown(aborts)}"
        yield verdict(aborts is True, seen, "true", rollout.place("spec", "progressDeadlineAbort"))


@check
def analysis_asks_new_pods(repository: Repository) -> Findings:
    for environment, rollout, strategy, how in rollouts(repository):
        key = "previewService" if strategy == "blueGreen" else "canaryService"
        own, others = at(how, key), {at(how, other) for other in ("activeService", "stableService")}
        place = rollout.place("spec", "strategy", strategy, key)
        services = [service.name for service in of_kind(repository, environment, "Service")]
        expected = "a Service of its own that exists"
        yield verdict(own in services and own not in others, f"{environment}: {key} {shown(own)}", expected, place)
        for template in (found for analysis in analyses(how) for found in templates(repository, environment, analysis)):
            for number, metric in enumerate(at(template.content, "spec", "metrics", default=[])):
                containers = at(metric, *METRIC_JOB, "spec", "template", "spec", "containers", default=[])
                words = [word for container in containers for word in at(container, "args", default=[])]
                hosts = {urlsplit(word).hostname for word in words if "://" in word}
                query = at(metric, "provider", "prometheus", "query", default="")
                seen = f"{environment}: {metric['name']} asks {', '.join(hosts) or query or 'nothing'}"
                place = template.place("spec", "metrics", number, "provider")
                is_own = hosts == {own} or "{{args.release}}" in query
                yield verdict(is_own, seen, f"{own} and nothing else", place)


@check
def analysis_ends_release(repository: Repository) -> Findings:
    for environment, rollout, strategy, how in rollouts(repository):
        is_dry = at(how, "dryRun") or any(at(analysis, "dryRun") for analysis in analyses(how))
        place = rollout.place("spec", "strategy", strategy)
        yield verdict(not is_dry, f"{environment}: dryRun {shown(bool(is_dry))}", "false", place)
        for template in (found for analysis in analyses(how) for found in templates(repository, environment, analysis)):
            for number, metric in enumerate(at(template.content, "spec", "metrics", default=[])):
                failures, count = at(metric, "failureLimit", default=0), at(metric, "count", default=float("inf"))
                seen = f"{environment}: {metric['name']} may fail {failures} times"
                place = template.place("spec", "metrics", number, "failureLimit")
                is_strict = 0 <= failures <= MOST_FAILURES and failures < count
                yield verdict(is_strict, seen, f"at most {MOST_FAILURES}, and less than its count", place)
                job = at(metric, *METRIC_JOB, "spec")
                if job:
                    deadline, retries = at(job, "activeDeadlineSeconds"), at(job, "backoffLimit", default=6)
                    seen = f"{environment}: activeDeadlineSeconds {shown(deadline)}, backoffLimit {retries}"
                    place = template.place("spec", "metrics", number, *METRIC_JOB, "spec", "activeDeadlineSeconds")
                    yield verdict(deadline and retries == 0, seen, "a limit, and 0: one failure decides", place)
