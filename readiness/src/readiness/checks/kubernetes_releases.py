"""Checks of releases on Kubernetes: lock, migration and rolling updates."""

from readiness.checks.releases import UNFINISHED
from readiness.documents import get, line_of, to_yaml
from readiness.findings import CannotJudgeError, Findings, judge
from readiness.manifests import environments, objects, overlay, selects, servers
from readiness.registry import check
from readiness.repository import Repository
from readiness.workflows import release_jobs


@check("kubernetes", "one-release-at-a-time")
def one_release_at_a_time(repository: Repository) -> Findings:
    for script in ("scripts/deploy", "scripts/rollback"):
        seen = f"{script} takes the lock"
        yield repository.expect_match(
            r"^take_lock$", script, seen=seen, expected="take_lock, before it changes anything"
        )
    file = "deploy/deployer.yaml"
    needed = {"get", "create", "patch", "delete"}
    granted, place = set(), (file, 0)
    for document in repository.documents(file):
        for number, rule in enumerate(get(document, "rules", default=[])):
            if "leases" in get(rule, "resources", default=[]):
                granted, place = set(get(rule, "verbs", default=[])), (file, line_of(document, "rules", number))
    seen = f"the deployer's rights on leases: {', '.join(sorted(granted)) or 'none'}"
    yield judge(needed <= granted, seen, ", ".join(sorted(needed)), place)


@check("kubernetes", "cancelled-release-undone")
def cancelled_release_undone(repository: Repository) -> Findings:
    for job in release_jobs(repository):
        for number, step in job.runs("scripts/deploy"):
            seen = f"job {job.name}: {step['run'].split(' ', 1)[0]}"
            is_signalled = step["run"].startswith("exec ")
            yield judge(is_signalled, seen, "exec, so that the script is signalled", job.place("steps", number))
        undoing = [
            (number, step)
            for number, step in job.runs("scripts/rollback")
            if UNFINISHED in step["run"] and "cancelled()" in str(step.get("if"))
        ]
        place = job.place("steps", undoing[0][0]) if undoing else job.place()
        seen = f"job {job.name} {'undoes' if undoing else 'does not undo'} an unfinished release"
        yield judge(undoing, seen, f"scripts/rollback {UNFINISHED} after a cancellation", place)


@check("kubernetes-postgres", "migration-before-release")
def migration_before_release(repository: Repository) -> Findings:
    for environment in environments(repository):
        found = [
            job
            for job in objects(repository, environment, "Job")
            if job.pod_labels.get("app.kubernetes.io/component") == "migration"
        ]
        place = found[0].place() if found else overlay(environment)
        yield judge(found, f"{environment}: {len(found)} migration Job", "one", place)
        for job in found:
            deadline = get(job.content, "spec", "activeDeadlineSeconds", default=0)
            place = job.place("spec", "activeDeadlineSeconds")
            yield judge(deadline > 0, f"{environment}: the migration may take {deadline} s", "a limit", place)
    pattern, seen = r"^run_job migration$", "scripts/deploy applies the migration"
    yield repository.expect_match(pattern, "scripts/deploy", seen=seen, expected="it, before the rollout")


@check("kubernetes-rolling", "rollout-loses-no-pod")
def rollout_loses_no_pod(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        if server.kind == "StatefulSet":
            continue  # it replaces one pod after the other
        if get(server.content, "spec", "strategy", "type") == "Recreate":
            place = server.place("spec", "strategy", "type")
            yield judge(False, f"{environment}: strategy Recreate", "RollingUpdate", place)
            continue
        rolling = get(server.content, "spec", "strategy", "rollingUpdate", default={})
        unavailable, surge = get(rolling, "maxUnavailable", default="25%"), get(rolling, "maxSurge", default="25%")
        seen = f"{environment}: maxUnavailable {unavailable}, maxSurge {surge}"
        place = server.place("spec", "strategy", "rollingUpdate", "maxUnavailable")
        yield judge(unavailable == 0 and surge not in {0, "0%"}, seen, "0 and at least 1", place)


@check("kubernetes-rolling", "tried-without-traffic")
def tried_without_traffic(repository: Repository) -> Findings:
    if not repository.is_emitted:
        raise CannotJudgeError("the commands of a release are not known")
    for environment in environments(repository):
        pre_traffic_checks = [
            job
            for job in objects(repository, environment, "Job")
            if job.pod_labels.get("app.kubernetes.io/component") == "pre-traffic-check"
        ]
        found = pre_traffic_checks[0].place() if pre_traffic_checks else overlay(environment)
        yield judge(
            len(pre_traffic_checks) == 1,
            f"{environment}: {len(pre_traffic_checks)} Jobs of the pre-traffic check",
            "one",
            found,
        )
        for job in pre_traffic_checks:
            leading = [
                service.name
                for service in objects(repository, environment, "Service")
                if selects(get(service.content, "spec", "selector"), job)
            ]
            seen = f"{environment}: its pod gets traffic from {', '.join(leading) or 'no Service'}"
            yield judge(not leading, seen, "none", job.place("spec", "template", "metadata", "labels"))
            deadline, retries = (get(job.content, "spec", key) for key in ("activeDeadlineSeconds", "backoffLimit"))
            seen = f"{environment}: activeDeadlineSeconds {to_yaml(deadline)}, backoffLimit {to_yaml(retries)}"
            place = job.place("spec", "activeDeadlineSeconds")
            yield judge(deadline and retries == 0, seen, "a limit, and no retries", place)
            requested = [word for _, container in job.containers for word in get(container, "args", default=[])]
            is_requested = any(word.endswith("/health/ready") for word in requested)
            yield judge(
                is_requested, f"{environment}: requests {', '.join(requested)}", "/health/ready too", job.place("spec")
            )
    checked, released = r"^run_job pre-traffic-check\n(?:#.*\n)*await_job .*\|\| fail ", r"^apply .*/component=server$"
    seen = "a failed pre-traffic check ends the release before the rollout"
    yield repository.expect_order(checked, released, "scripts/deploy", seen=seen)
