# --- The code ---


@check
def code_scanned(repository: Repository) -> Findings:
    for event in ("pull_request", "schedule"):
        found = [
            job.place("steps", number, "uses")
            for job in jobs(repository)
            if event in at(workflows(repository)[job.file], "on", default={})
            for number, step in job.steps
            if str(step.get("uses", "")).startswith("github/codeql-action/analyze@")
        ]
        yield verdict(found, f"CodeQL on {event}", "a step that analyzes", next(iter(found), (WORKFLOWS, 0)))
