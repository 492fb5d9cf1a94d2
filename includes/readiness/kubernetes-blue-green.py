# Argo Rollouts' own 30 seconds are over before anybody has looked.
SHORTEST_KEPT_SECONDS = 600


@check
def analysed_before_switch(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        analysis = at(how, "prePromotionAnalysis", default={})
        found = templates(repository, environment, analysis)
        place = rollout.place("spec", "strategy", "blueGreen", "prePromotionAnalysis")
        seen = f"{environment}: prePromotionAnalysis by {', '.join(each.name for each in found) or 'nothing'}"
        yield verdict(found, seen, "an AnalysisTemplate that exists", place)
        for template in found:
            for number, metric in enumerate(at(template.content, "spec", "metrics", default=[])):
                count = at(metric, "count", default="no count" if "interval" in metric else 1)
                seen, place = f"{environment}: {metric['name']}: {count}", template.place("spec", "metrics", number)
                yield verdict(count != "no count", seen, "a count, or it never ends", place)


@check
def new_version_whole(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        fewer = at(how, "previewReplicaCount")
        place = rollout.place("spec", "strategy", "blueGreen", "previewReplicaCount")
        seen = f"{environment}: previewReplicaCount {shown(fewer)}"
        yield verdict(fewer is None, seen, "none: as many as before", place)


@check
def previous_version_kept(repository: Repository) -> Findings:
    for environment, rollout, _, how in rollouts(repository):
        seconds = at(how, "scaleDownDelaySeconds", default=30)
        versions = at(how, "scaleDownDelayRevisionLimit", default=1)
        seen = f"{environment}: {versions} previous version runs on for {seconds} s"
        place = rollout.place("spec", "strategy", "blueGreen", "scaleDownDelaySeconds")
        is_kept = seconds >= SHORTEST_KEPT_SECONDS and versions >= 1
        yield verdict(is_kept, seen, f"1 or more, for {SHORTEST_KEPT_SECONDS} s or more", place)
