# shellcheck shell=sh
# How a Rollout of Argo Rollouts is released and brought back. Sourced by kubernetes.sh.
# The patches of its status are those that `kubectl argo rollouts` sends, so that the plugin is not needed here:
# https://github.com/argoproj/argo-rollouts/tree/v1.10.2/pkg/kubectl-argo-rollouts/cmd
workload=rollout.argoproj.io
revision_annotation='rollout\.argoproj\.io/revision'

# A rollout fails when it makes no progress for progressDeadlineSeconds (rollout.yaml), at the latest after this time.
# Both are watched here as well: Argo Rollouts does not mind the former while it keeps an earlier release (v1.10,
# isWaitingForReplicaSetScaleDown).
rollout_seconds=2700

patch_status() { kube patch "$workload" "$name" --subresource status --type merge --patch "{\"status\": $1}" >/dev/null; }

# start_release: a release that was aborted is tried again when it is asked for again.
start_release() {
  [ "$(field "$workload/$name" .status.abort)" != true ] || patch_status '{"abort": false}'
}

# look: reads how far the rollout is, all in one request: $noticed (yes once the cluster has taken note of the last change),
# $state ("phase: message (pods)"), $progress_seconds, $refused (why the cluster takes no new pods), $hash (of the new pods).
look() {
  seen=$(field "$workload/$name" '.metadata.generation} {.status.observedGeneration}{"\n"}{.spec.progressDeadlineSeconds}{"\n"}{.status.currentPodHash}{"\n"}{.status.conditions[?(@.type=="ReplicaFailure")].message}{"\n"}{.status.phase}: {.status.message} ({.status.updatedReplicas} new pods, {.status.availableReplicas} available of {.spec.replicas') || return
  {
    read -r generation observed
    read -r progress_seconds
    read -r hash
    read -r refused
    read -r state
  } <<END
$seen)
END
  state=$(printf '%s\n' "$state" | sed 's/:  (/: (/; s/( new/(0 new/; s/,  available/, 0 available/')
  [ "$generation" = "$observed" ] && noticed=yes || noticed=
}

# await_rollout: waits until all pods run the current revision. Where that will not happen, returns 1 and sets $problem.
await_rollout() {
  deadline=$(($(date +%s) + rollout_seconds))
  shown=
  while :; do
    now_seconds=$(date +%s)
    if look 2>/dev/null && [ -n "$noticed" ]; then
      if [ "$state" != "$shown" ]; then
        say "$state"
        shown=$state
        stalled_at=$((now_seconds + progress_seconds))
      fi
      case $state in
        Healthy:*) return ;;
        Degraded:*)
          problem="the release is refused: ${state#Degraded: }
$(analysis_words)$(describe_pods)"
          return 1
          ;;
        'Paused: InconclusiveAnalysis'*)
          problem='the analysis of the release ended without a verdict'
          return 1
          ;;
        Progressing:*)
          if [ "$now_seconds" -ge "$stalled_at" ]; then
            problem="the release makes no progress
$(describe_pods)"
            return 1
          fi
          ;;
      esac
      problem=$(rollout_problem)
      [ -z "$problem" ] || return 1
    fi
    if [ "$now_seconds" -ge "$deadline" ]; then
      problem="the rollout took longer than $rollout_seconds seconds
$(describe_pods)"
      return 1
    fi
    sleep 2
  done
}

# rollout_problem: prints why the new pods that were looked at cannot come up, or nothing as long as they may.
rollout_problem() {
  if [ -n "$refused" ]; then
    say "the cluster refuses the new pods: $refused"
  elif [ -n "$hash" ]; then
    stuck_pod "$server,rollouts-pod-template-hash=$hash"
  fi
}

# analysis_words: prints what the last Job of the analysis of the new pods said, or nothing where there was none.
analysis_words() {
  job=$(kube get analysisruns --selector "rollouts-pod-template-hash=$hash" --sort-by .metadata.creationTimestamp \
    --output 'jsonpath={.items[-1:].status.metricResults[?(@.name=="probe")].measurements[-1:].metadata.job-name}' 2>/dev/null) || return 0
  [ -n "$job" ] || return 0
  say 'The last probe said:'
  job_words "$job"
}

# revision_of HASH: prints the revision of a ReplicaSet.
revision_of() { field "replicaset/$name-$1" ".metadata.annotations.$revision_annotation"; }

# last_good_revision: prints the revision to return to when the current one fails; nothing where there is none.
last_good_revision() {
  stable=$(field "$workload/$name" .status.stableRS)
  [ -z "$stable" ] || revision_of "$stable"
}

# is_replaced: succeeds where the current revision is not the one that has proven itself.
is_replaced() {
  hashes=$(field "$workload/$name" '.status.currentPodHash} {.status.stableRS')
  [ "${hashes% *}" != "${hashes#* }" ]
}

# return_to REVISION: brings back the pods of a revision at once, without steps and analysis, and waits for them.
return_to() {
  if is_replaced; then
    # What has not proven itself gives way first, to be gone when the other is back.
    patch_status '{"abort": true}'
    await_gone "$(field "$workload/$name" .status.currentPodHash)"
  fi
  set_name=$(replica_set "$1")
  template=$(field "replicaset/$set_name" .spec.template)
  kube patch "$workload" "$name" --type json --patch "[
    {\"op\": \"replace\", \"path\": \"/spec/template\", \"value\": $template},
    {\"op\": \"remove\", \"path\": \"/spec/template/metadata/labels/rollouts-pod-template-hash\"}]" || return 1
  deadline=$(($(date +%s) + rollout_seconds))
  until is_noticed && [ "$(field "$workload/$name" .status.currentPodHash)" = "${set_name##*-}" ]; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      problem="Argo Rollouts has not taken note of it for $rollout_seconds seconds: does it run?"
      return 1
    fi
    sleep 1
  done
  is_replaced && patch_status '{"promoteFull": true}'
  await_rollout
}

# await_gone HASH: waits, for a minute at most, until an aborted release has no pods.
await_gone() {
  for _ in $(seq 30); do
    [ "$(field "replicaset/$name-$1" .status.replicas)" != 0 ] || return 0
    sleep 2
  done
}
