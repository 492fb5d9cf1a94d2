@check
def image_signed(repository: Repository) -> Findings:
    for job in releases(repository):
        yield waits_for(job, repository, "actions/attest", "a job that attests the image")
