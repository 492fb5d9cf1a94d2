@check
def rollout_loses_no_pod(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        rolling = at(server.content, "spec", "strategy", "rollingUpdate", default={})
        unavailable, surge = at(rolling, "maxUnavailable", default="25%"), at(rolling, "maxSurge", default="25%")
        seen = f"{environment}: maxUnavailable {unavailable}, maxSurge {surge}"
        place = server.place("spec", "strategy", "rollingUpdate", "maxUnavailable")
        yield verdict(unavailable == 0 and surge not in {0, "0%"}, seen, "0 and at least 1", place)


@check
def tried_without_traffic(repository: Repository) -> Findings:
    for environment in environments(repository):
        trials = [
            job
            for job in of_kind(repository, environment, "Job")
            if job.pod_labels.get("app.kubernetes.io/component") == "trial"
        ]
        found = trials[0].place() if trials else overlay(environment)
        yield verdict(len(trials) == 1, f"{environment}: {len(trials)} trial Job", "one", found)
        for job in trials:
            leading = [
                service.name
                for service in of_kind(repository, environment, "Service")
                if selects(at(service.content, "spec", "selector"), job)
            ]
            seen = f"{environment}: the trial's pod gets traffic of {', '.join(leading) or 'no Service'}"
            yield verdict(not leading, seen, "none", job.place("spec", "template", "metadata", "labels"))
            deadline, retries = (at(job.content, "spec", key) for key in ("activeDeadlineSeconds", "backoffLimit"))
            seen = f"{environment}: activeDeadlineSeconds {shown(deadline)}, backoffLimit {shown(retries)}"
            place = job.place("spec", "activeDeadlineSeconds")
            yield verdict(deadline and retries == 0, seen, "a limit, and 0: one failure decides", place)
            asked = [word for _, container in job.containers for word in at(container, "args", default=[])]
            is_asked = any(word.endswith("/health/ready") for word in asked)
            yield verdict(is_asked, f"{environment}: asks {', '.join(asked)}", "/health/ready too", job.place("spec"))
    yield repository.shows(
        r"^run_job trial\n(?:.*\n)*?await_job .*\|\| fail [^\0]*^hand_over$",
        "scripts/deploy",
        seen="a failed trial ends the release",
        expected="run_job trial and await_job … || fail, before the rollout",
    )
