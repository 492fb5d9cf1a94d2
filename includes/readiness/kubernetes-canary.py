LARGEST_FIRST_SHARE_PERCENT = 25


def shares(how: dict) -> list[tuple[int, int]]:
    """Return the shares of a canary that are not all, each as number of its step and percent."""
    steps = enumerate(at(how, "steps", default=[]))
    return [(number, step["setWeight"]) for number, step in steps if at(step, "setWeight", default=100) < 100]


@check
def rollout_loses_no_pod(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        unavailable, surge = at(how, "maxUnavailable", default="25%"), at(how, "maxSurge", default="25%")
        seen = f"{environment}: maxUnavailable {unavailable}, maxSurge {surge}"
        place = rollout.place("spec", "strategy", "canary", "maxUnavailable")
        yield verdict(unavailable in {0, "0%"} and surge not in {0, "0%"}, seen, "0 and at least 1", place)


@check
def canary_analysed(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        analysis = at(how, "analysis", default={})
        found = templates(repository, environment, analysis)
        place = rollout.place("spec", "strategy", "canary", "analysis")
        seen = f"{environment}: analysis by {', '.join(each.name for each in found) or 'nothing'}"
        yield verdict(found, seen, "an AnalysisTemplate that exists", place)
        first, percent = next(iter(shares(how)), (0, 100))
        place = rollout.place("spec", "strategy", "canary", "steps", first)
        is_small = percent <= LARGEST_FIRST_SHARE_PERCENT
        expected = f"at most {LARGEST_FIRST_SHARE_PERCENT} %"
        yield verdict(is_small, f"{environment}: the first share is {percent} %", expected, place)
        start = at(analysis, "startingStep", default=0)
        seen, place = f"{environment}: startingStep {start}", rollout.place("spec", "strategy", "canary", "analysis")
        yield verdict(start <= first + 1, seen, f"at most {first + 1}, right after the first share", place)


@check
def shares_fit_pods(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        pods, _ = fewest_pods(repository, environment, rollout)
        for number, percent in shares(how):
            seen = f"{environment}: {percent} % of {pods} pods"
            place = rollout.place("spec", "strategy", "canary", "steps", number)
            yield verdict(pods * percent % 100 == 0, seen, "whole pods", place)


@check
def shares_last_long_enough(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        needed = 0.0
        for template in templates(repository, environment, at(how, "analysis", default={})):
            for metric in at(template.content, "spec", "metrics", default=[]):
                between = seconds_of(at(metric, "interval", default=0)) * at(metric, "failureLimit", default=0)
                job = at(metric, *METRIC_JOB, "spec", "activeDeadlineSeconds", default=0)
                needed = max(needed, seconds_of(at(metric, "initialDelay", default=0)) + between + job)
        for number, percent in shares(how):
            pause = at(how, "steps", number + 1, "pause")
            seconds = 0 if pause is None else seconds_of(at(pause, "duration"))
            seen = f"{environment}: {percent} % for {seconds} s"
            place = rollout.place("spec", "strategy", "canary", "steps", number)
            yield verdict(seconds > needed, seen, f"more than {needed:.0f} s, in which the analysis can fail", place)
