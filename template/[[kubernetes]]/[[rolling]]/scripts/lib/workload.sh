# shellcheck shell=sh
# How a Deployment is released and brought back. Sourced by kubernetes.sh.
workload=deployment
revision_annotation='deployment\.kubernetes\.io/revision'

# A rollout fails when it makes no progress for progressDeadlineSeconds (deployment.yaml), at the latest after this time.
# Both are watched here as well: Kubernetes may miss the former where it returns to pods that it has had before. Its own
# verdict comes first, as it is given a little longer.
rollout_seconds=900
verdict_seconds=15

# start_release: nothing keeps a Deployment from trying again.
start_release() { :; }

# await_rollout: waits until all pods run the current revision. Where that will not happen, returns 1 and sets $problem.
await_rollout() {
  deadline=$(($(date +%s) + rollout_seconds))
  progress_seconds=$(field "deployment/$name" .spec.progressDeadlineSeconds) || progress_seconds=$rollout_seconds
  stalled_at=$deadline shown=
  while :; do
    now_seconds=$(date +%s)
    status=$(kube rollout status "deployment/$name" --watch=false 2>&1) || true
    if [ "$status" != "$shown" ]; then
      say "$status"
      shown=$status
      stalled_at=$((now_seconds + progress_seconds + verdict_seconds))
    fi
    case $status in *'successfully rolled out'*) return ;; esac
    case $status in *'exceeded its progress deadline'*) stalled_at=$now_seconds ;; esac
    if [ "$now_seconds" -ge "$stalled_at" ]; then
      problem="the new pods did not become ready in time
$(describe_pods)"
      return 1
    fi
    problem=$(rollout_problem)
    [ -z "$problem" ] || return 1
    if [ "$now_seconds" -ge "$deadline" ]; then
      problem="the rollout took longer than $rollout_seconds seconds
$(describe_pods)"
      return 1
    fi
    sleep 2
  done
}

# rollout_problem: prints why the current revision cannot come up, or nothing as long as it may.
rollout_problem() {
  seen=$(field "deployment/$name" '.metadata.generation} {.status.observedGeneration} {.status.conditions[?(@.type=="ReplicaFailure")].message') || return 0
  read -r generation observed refused <<END
$seen
END
  [ "$generation" = "$observed" ] || return 0
  if [ -n "$refused" ]; then
    say "the cluster refuses the new pods: $refused"
    return
  fi
  set_name=$(list_releases | awk 'NR == 1 {print $2}')
  [ -z "$set_name" ] || stuck_pod "$server,pod-template-hash=${set_name##*-}"
}

# last_good_revision: prints the revision to return to when the current one fails; nothing where there is none.
last_good_revision() { last_completed_but "$(current_revision)"; }

# is_replaced: succeeds where the current revision is not the one that has proven itself.
is_replaced() { ! is_completed "$(current_revision)"; }

# return_to REVISION: brings back the pods of a revision and waits for them.
return_to() {
  kube rollout undo "deployment/$name" --to-revision "$1" && await_rollout
}
