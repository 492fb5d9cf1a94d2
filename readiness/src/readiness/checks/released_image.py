"""Checks of the image that the pipeline builds and releases."""

from readiness.dockerfile import last_stage, stages
from readiness.documents import to_yaml
from readiness.findings import CannotJudgeError, Findings, Place, judge
from readiness.locations import dockerfiles
from readiness.registry import check
from readiness.repository import Repository
from readiness.workflows import WORKFLOWS, build_steps, expect_earlier_job, release_jobs, released_digest


@check("image-released", "version-in-image")
def version_in_image(repository: Repository) -> Findings:
    if not repository.is_emitted:
        raise CannotJudgeError("the variable of the version is not known")
    file = dockerfiles(repository)[0]
    for name in ("ARG", "ENV"):
        found = [entry for entry in last_stage(repository, file, name) if "APP_VERSION" in entry.value]
        place = (found or stages(repository, file)[-1:])[0].place
        yield judge(found, f"{name} APP_VERSION", "this instruction in the last stage", place)
    yield repository.expect_match(
        "--build-arg APP_VERSION=", "Makefile", seen="make image", expected="--build-arg APP_VERSION="
    )
    for job, number, options in build_steps(repository):
        has_version = "APP_VERSION=" in str(options.get("build-args"))
        place = job.place("steps", number, "with")
        yield judge(has_version, f"job {job.name} builds the image", "build-args with APP_VERSION=", place)


@check("image-released", "released-by-digest")
def released_by_digest(repository: Repository) -> Findings:
    for job in release_jobs(repository):
        for number, step in job.runs("scripts/deploy"):
            digest = released_digest(job, step)
            place = job.place("steps", number, "run")
            yield judge(digest, f"job {job.name}: {digest or step['run']}", "an image by its digest", place)


@check("image-released", "image-built-once")
def image_built_once(repository: Repository) -> Findings:
    origins: dict[str, Place] = {}
    for job in release_jobs(repository):
        digests = {released_digest(job, step) for _, step in job.runs("scripts/deploy")} - {""}
        origins |= {digest: job.place("steps") for digest in digests}
    built = build_steps(repository)
    seen = f"built by {', '.join(job.name for job, _, _ in built)}, released as {', '.join(origins)}"
    place = built[0][0].place("steps", built[0][1]) if built else (WORKFLOWS, 0)
    yield judge(len(origins) <= 1 and len(built) == 1, seen, "one build, whose digest every environment runs", place)


@check("image-released", "image-attested")
def image_attested(repository: Repository) -> Findings:
    for job, number, options in build_steps(repository):
        attests = any(str(step.get("uses", "")).startswith("actions/attest") for _, step in job.steps)
        origin = "attested" if attests else options.get("provenance")
        is_known = options.get("sbom") is True and (attests or str(origin).startswith("mode="))
        seen = f"sbom {to_yaml(options.get('sbom'))}, provenance {origin}"
        yield judge(is_known, seen, "both", job.place("steps", number, "with"))


@check("image-released", "image-scanned")
def image_scanned(repository: Repository) -> Findings:
    for job in release_jobs(repository):
        yield expect_earlier_job(job, repository, "anchore/scan-action", "a job that scans and can fail")


@check("image-released", "image-verified")
def image_verified(repository: Repository) -> Findings:
    if not repository.is_emitted:
        for job in release_jobs(repository):
            found = job.runs(r"(cosign verify|gh attestation verify|slsa-verifier)")
            place = job.place("steps", found[0][0]) if found else job.place()
            seen = f"job {job.name} {'verifies' if found else 'does not verify'} the image"
            yield judge(found, seen, "cosign verify or gh attestation verify", place)
        return
    for job in release_jobs(repository):
        first = min((number for number, _ in job.runs("scripts/verify")), default=None)
        deploys = [number for number, _ in job.runs("scripts/deploy")]
        seen = f"job {job.name}: {'no' if first is None else 'a'} step verifies the image"
        is_before = first is not None and first < min(deploys)
        yield judge(is_before, seen, "scripts/verify before scripts/deploy", job.place("steps", first or deploys[0]))


@check("image-public", "image-signed")
def image_signed(repository: Repository) -> Findings:
    for job in release_jobs(repository):
        yield expect_earlier_job(job, repository, "actions/attest", "a job that attests the image")
