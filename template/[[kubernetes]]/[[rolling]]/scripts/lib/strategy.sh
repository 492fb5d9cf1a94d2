# shellcheck shell=sh
# Leads an environment that was released by another strategy to this one, without an outage. Sourced by scripts/deploy.

# hand_over: where a Rollout runs, a Deployment takes its place, first of all with the version that runs.
hand_over() {
  rollout=$(kube get rollouts.argoproj.io "$name" --ignore-not-found --output name 2>/dev/null) || return 0
  [ -n "$rollout" ] || return 0
  say 'A Rollout runs here: a Deployment takes over the version that runs'
  if [ -z "$(current_revision)" ]; then
    released json | kubectl patch --local --filename - --type json --output json --patch "[
      {\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": $(field "$rollout" .spec.replicas)},
      {\"op\": \"replace\", \"path\": \"/spec/template\", \"value\": $(field "$rollout" .spec.template)}]" |
      kube create --filename -
    forget_owners
  fi
  await_rollout || fail "the Deployment did not take over, so nothing was changed: $problem"
  mark_completed "$(current_revision)"
  # Blue-green keeps the release before, which would answer too as soon as the Service leads to all pods.
  stable=$(field "$rollout" .status.stableRS)
  for kept in $(kube get replicasets --selector "$server,rollouts-pod-template-hash,rollouts-pod-template-hash!=$stable" --output name); do
    kube patch "$kept" --type merge --patch '{"spec": {"replicas": 0}}'
  done
  # The Rollout goes without its pods; the Service lets go of its release, so that it leads to both; then the pods go.
  kube delete "$rollout" --cascade=orphan
  kube patch service "$name" --type merge --patch '{"spec": {"selector": {"rollouts-pod-template-hash": null}}}'
  kube delete replicasets --selector "$server,rollouts-pod-template-hash"
  kube delete services "$name-preview" "$name-canary" "$name-stable" --ignore-not-found
}
