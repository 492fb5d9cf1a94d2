# shellcheck shell=sh
# Canary: a Rolling Release, stage by stage. Sourced by scripts/deploy, after vercel.sh; never run by itself.

# How long each stage is watched, how often it is looked at, and how many of its requests may fail (5xx).
stage_seconds=${STAGE_SECONDS:-300}
look_seconds=15
most_failures_percent=1
rolling_release=/v1/projects/${VERCEL_PROJECT_ID:-}/rolling-release

# Ends the script unless Rolling Releases are set up so that this script decides about each stage.
require_strategy() {
  ask "$rolling_release/config" || fail "Rolling Releases (Pro and Enterprise plans): $problem"
  case $(of '.rollingRelease.advancementType') in
    manual-approval) ;;
    '') fail 'Rolling Releases are not set up: DEPLOYMENT.md tells how, on the Pro and Enterprise plans' ;;
    *) fail 'Rolling Releases advance by themselves: set them to manual approval, as DEPLOYMENT.md tells' ;;
  esac
  ask "$rolling_release" || fail "$problem"
  [ "$(of '.rollingRelease.state')" != ACTIVE ] ||
    fail "a rolling release is under way, of $(of '.rollingRelease.canaryDeployment.id'): end it first, as RUNBOOK.md tells"
}

# read_release ID: sets $state and $stage to those of the rolling release of a deployment; both are empty where there is none.
read_release() {
  ask "$rolling_release" || return
  state=$(of ".rollingRelease | select(.canaryDeployment.id == \"$1\") | .state")
  stage=$(of ".rollingRelease | select(.canaryDeployment.id == \"$1\") | .activeStage.index")
}

# await_release ID JQ: waits until a condition holds for $body, as `read_release` leaves it.
await_release() {
  deadline=$(($(date +%s) + switch_seconds))
  while :; do
    read_release "$1" || return
    [ -z "$(of "$2 // false | select(.)")" ] || return 0
    if [ "$state" = ABORTED ]; then
      problem='the rolling release was aborted by somebody else'
      return 1
    fi
    if [ "$(date +%s)" -ge "$deadline" ]; then
      problem="the rolling release is not where it should be after $switch_seconds seconds (${state:-none}, stage ${stage:-none})"
      return 1
    fi
    sleep 2
  done
}

# move PATH BODY: an order whose effect is looked for afterwards, as it may have been done although no answer came.
move() {
  outcome=0
  order "$rolling_release/$1" "$2" || outcome=$?
  case $outcome in
    0) ;;
    2) printf '%s; looking whether it was done all the same\n' "$problem" >&2 ;;
    *) return 1 ;;
  esac
}

# watch ID ADDRESS: looks at a stage for its time. Where it does not do well, sets $problem and returns 1.
watch() {
  since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  until=$(($(date +%s) + stage_seconds))
  while :; do
    if ! SMOKE_SECONDS=10 smoke "$2" >"$work/smoke" 2>&1; then
      problem="the smoke test of $2 failed:
$(cat "$work/smoke")"
      return 1
    fi
    [ "$(date +%s)" -lt "$until" ] || break
    sleep "$look_seconds"
  done
  if ! vercel logs requests --deployment "$1" --since "$since" --limit 10000 --json >"$work/requests" 2>"$work/errors"; then
    problem="the requests cannot be counted: $(cat "$work/errors")"
    return 1
  fi
  counted=$(jq --slurp --raw-output '[.[] | select(.type == "request") | .data.httpStatus | tonumber] |
    "\(map(select(. >= 500)) | length) \(length)"' "$work/requests") || counted=
  if [ -z "$counted" ]; then
    problem='the requests cannot be counted: the answer of `vercel logs` cannot be understood'
    return 1
  fi
  say "  ${counted% *} of ${counted#* } requests failed"
  if [ $((${counted% *} * 100)) -gt $((${counted#* } * most_failures_percent)) ]; then
    problem="${counted% *} of ${counted#* } requests failed, more than $most_failures_percent %"
    return 1
  fi
}

# shift_traffic ID ADDRESS: gives a deployment more and more traffic. Where that fails, sets $problem and returns 1.
shift_traffic() {
  if [ -z "$previous" ]; then # the first release has nobody to share traffic with
    switch_to "$1" promote
    return
  fi
  canary="{\"canaryDeploymentId\": \"$1\"}"
  move start "$canary" || return
  await_release "$1" '.rollingRelease.activeStage' || return
  while [ "$state" = ACTIVE ] && [ -z "$(of '.rollingRelease.activeStage.isFinalStage | select(.)')" ]; do
    say "Stage $stage: $(of '.rollingRelease.activeStage.targetPercentage') % of the traffic, for $stage_seconds seconds"
    next=$(of '.rollingRelease.nextStage | select(.isFinalStage | not) | .index')
    watch "$1" "$2" || return
    if [ -z "$next" ]; then
      break
    fi
    move approve-stage "{\"activeStageIndex\": $stage, \"nextStageIndex\": $next, \"canaryDeploymentId\": \"$1\"}" || return
    await_release "$1" ".rollingRelease | .state == \"COMPLETE\" or .activeStage.index >= $next" || return
  done
  move complete "$canary" || return
  await_release "$1" '.rollingRelease.state == "COMPLETE"'
}

# Takes back what shift_traffic has begun: all traffic to the deployment that had it before.
return_traffic() {
  read_release "$deployment" || return
  [ "$state" = ACTIVE ] || return 0
  stable=$(of .rollingRelease.currentDeployment.id)
  say 'Aborting the rolling release'
  # Vercel aborts one by a rollback to the deployment that serves the rest.
  order "/v9/projects/$VERCEL_PROJECT_ID/rollback/$stable" || return
  deadline=$(($(date +%s) + switch_seconds))
  while read_release "$deployment" && [ "$state" = ACTIVE ]; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      problem="it is still under way after $switch_seconds seconds"
      return 1
    fi
    sleep 2
  done
}
