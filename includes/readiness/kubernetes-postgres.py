@check
def migration_before_release(repository: Repository) -> Findings:
    for environment in environments(repository):
        found = [
            job
            for job in of_kind(repository, environment, "Job")
            if job.pod_labels.get("app.kubernetes.io/component") == "migration"
        ]
        place = found[0].place() if found else overlay(environment)
        yield verdict(found, f"{environment}: {len(found)} migration Job", "one", place)
        for job in found:
            deadline = at(job.content, "spec", "activeDeadlineSeconds", default=0)
            place = job.place("spec", "activeDeadlineSeconds")
            yield verdict(deadline > 0, f"{environment}: the migration may take {deadline} s", "a limit", place)
    pattern, seen = r"^run_job migration$", "scripts/deploy applies the migration"
    yield repository.shows(pattern, "scripts/deploy", seen=seen, expected="it, before the rollout")
