# shellcheck shell=sh
# Releases and rollbacks of a Deployment. Sourced by kubernetes.sh.
workload=deployment
revision_annotation='deployment\.kubernetes\.io/revision'

# A rollout fails without progress for progressDeadlineSeconds (deployment.yaml), or after this time. The script checks both,
# because Kubernetes can miss the former for pods that existed before. It gives Kubernetes a few more seconds to report first.
rollout_seconds=900
grace_seconds=15

# start_release: a Deployment requires no retry.
start_release() { :; }

# await_rollout: waits until all pods run the current revision. On failure, returns 1 and sets $problem.
await_rollout() {
  deadline=$(($(date +%s) + rollout_seconds))
  progress_seconds=$(field "deployment/$name" .spec.progressDeadlineSeconds) || progress_seconds=$rollout_seconds
  stalled_at=$deadline reported_at=$(($(date +%s) + report_seconds))
  shown= reported=
  while :; do
    now_seconds=$(date +%s)
    status=$(kube rollout status "deployment/$name" --watch=false 2>&1) || {
      problem=$(access_problem)
      [ -z "$problem" ] || return 1
    }
    if [ "$status" != "$shown" ]; then
      say "$status"
      shown=$status reported_at=$((now_seconds + report_seconds))
      stalled_at=$((now_seconds + progress_seconds + grace_seconds))
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
    if [ -z "$reported" ] && [ "$now_seconds" -ge "$reported_at" ]; then
      describe_pods
      reported=yes
    fi
    if [ "$now_seconds" -ge "$deadline" ]; then
      problem="the rollout took longer than $rollout_seconds seconds
$(describe_pods)"
      return 1
    fi
    pause 5
  done
}

# rollout_problem: prints why the new pods cannot start, or nothing.
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

# stable_revision: prints the revision to revert to if the current one fails, or nothing.
stable_revision() { previous_completed "$(current_revision)"; }

# is_replaced: succeeds if the current revision is not a completed one.
is_replaced() { ! is_completed "$(current_revision)"; }

# restore_revision REVISION: rolls back to a revision and waits for its pods.
restore_revision() {
  kube rollout undo "deployment/$name" --to-revision "$1" && await_rollout
}

# replace_workload: replaces a Rollout without an outage. The Deployment starts with the running version.
replace_workload() {
  rollout=$(kube get rollouts.argoproj.io "$name" --ignore-not-found --output name 2>/dev/null) || return 0
  [ -n "$rollout" ] || return 0
  say 'Replacing the Rollout with a Deployment of the running version'
  if [ -z "$(current_revision)" ]; then
    released json | kubectl patch --local --filename - --type json --output json --patch "[
      {\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": $(field "$rollout" .spec.replicas)},
      {\"op\": \"replace\", \"path\": \"/spec/template\", \"value\": $(field "$rollout" .spec.template)}]" |
      kube_once create --filename -
    reset_field_owners
  fi
  await_rollout || fail "the Deployment did not start: $problem
The Rollout keeps running."
  mark_completed "$(current_revision)"
  # Scale down the previous release that blue-green keeps: the Service would select its pods too.
  stable=$(field "$rollout" .status.stableRS)
  for kept in $(kube get replicasets --selector "$server,rollouts-pod-template-hash,rollouts-pod-template-hash!=$stable" --output name); do
    kube patch "$kept" --type merge --patch '{"spec": {"replicas": 0}}'
  done
  # Delete the Rollout without its pods, let the Service select the pods of both, then delete the Rollout's pods.
  kube delete "$rollout" --cascade=orphan --ignore-not-found
  kube patch service "$name" --type merge --patch '{"spec": {"selector": {"rollouts-pod-template-hash": null}}}'
  kube delete replicasets --selector "$server,rollouts-pod-template-hash"
  kube delete services "$name-preview" "$name-canary" "$name-stable" --ignore-not-found
}
