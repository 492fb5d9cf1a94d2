# shellcheck shell=sh
# Canary: a Rolling Release in stages. Sourced by scripts/deploy, after vercel.sh.

# Duration of a stage, interval of its checks, and the allowed share of failed requests (5xx).
stage_seconds=${STAGE_SECONDS:-300}
check_interval_seconds=15
max_failure_percent=1
rolling_release=/v1/projects/${VERCEL_PROJECT_ID:-}/rolling-release

# Exits unless Rolling Releases are enabled with manual approval.
require_strategy() {
  get "$rolling_release/config" || fail "Rolling Releases (Pro and Enterprise plans): $problem"
  case $(of '.rollingRelease.advancementType') in
    manual-approval) ;;
    '') fail 'Rolling Releases (Pro and Enterprise plans) are not enabled. Enable them as DEPLOYMENT.md describes.' ;;
    *) fail 'Rolling Releases advance automatically. Set them to manual approval as DEPLOYMENT.md describes.' ;;
  esac
  get "$rolling_release" || fail "$problem"
  [ "$(of '.rollingRelease.state')" != ACTIVE ] ||
    fail "a rolling release of $(of '.rollingRelease.canaryDeployment.id') is in progress. Abort it as RUNBOOK.md describes."
}

# read_release ID: sets $state and $stage of the rolling release of a deployment; both are empty without one.
read_release() {
  get "$rolling_release" || return
  state=$(of ".rollingRelease | select(.canaryDeployment.id == \"$1\") | .state")
  stage=$(of ".rollingRelease | select(.canaryDeployment.id == \"$1\") | .activeStage.index")
}

# await_release ID JQ: waits until a condition holds for the $body of read_release.
await_release() {
  deadline=$(($(date +%s) + switch_seconds))
  while :; do
    read_release "$1" || return
    [ -z "$(of "$2 // false | select(.)")" ] || return 0
    if [ "$state" = ABORTED ]; then
      problem='another actor aborted the rolling release'
      return 1
    fi
    if [ "$(date +%s)" -ge "$deadline" ]; then
      problem="the rolling release did not advance within $switch_seconds seconds (${state:-none}, stage ${stage:-none})"
      return 1
    fi
    sleep 2
  done
}

# move PATH BODY: sends a command. Without a response, the caller checks whether it was executed.
move() {
  outcome=0
  post "$rolling_release/$1" "$2" || outcome=$?
  case $outcome in
    0) ;;
    2) printf '%s; checking whether it was executed\n' "$problem" >&2 ;;
    *) return 1 ;;
  esac
}

# watch ID ADDRESS: checks a stage for its duration. If it fails, sets $problem and returns 1.
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
    sleep "$check_interval_seconds"
  done
  if ! vercel logs requests --deployment "$1" --since "$since" --limit 10000 --json >"$work/requests" 2>"$work/errors"; then
    problem="counting the requests failed: $(cat "$work/errors")"
    return 1
  fi
  counted=$(jq --slurp --raw-output '[.[] | select(.type == "request") | .data.httpStatus | tonumber] |
    "\(map(select(. >= 500)) | length) \(length)"' "$work/requests") || counted=
  if [ -z "$counted" ]; then
    problem='counting the requests failed: the output of `vercel logs` is invalid'
    return 1
  fi
  say "  ${counted% *} of ${counted#* } requests failed"
  if [ $((${counted% *} * 100)) -gt $((${counted#* } * max_failure_percent)) ]; then
    problem="${counted% *} of ${counted#* } requests failed, more than $max_failure_percent %"
    return 1
  fi
}

# shift_traffic ID ADDRESS: shifts traffic to a deployment in stages. On failure, sets $problem and returns 1.
shift_traffic() {
  if [ -z "$previous" ]; then # the first release has no stable deployment
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

# Reverts shift_traffic: all traffic to the previous deployment.
revert_traffic() {
  read_release "$deployment" || return
  [ "$state" = ACTIVE ] || return 0
  stable=$(of .rollingRelease.currentDeployment.id)
  say 'Aborting the rolling release'
  # A rollback to the stable deployment aborts the rolling release.
  post "/v9/projects/$VERCEL_PROJECT_ID/rollback/$stable" || return
  deadline=$(($(date +%s) + switch_seconds))
  while read_release "$deployment" && [ "$state" = ACTIVE ]; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      problem="the rolling release is still active after $switch_seconds seconds"
      return 1
    fi
    sleep 2
  done
}
