# shellcheck shell=sh
# Blue-green: all traffic switches at once. Sourced by scripts/deploy, after vercel.sh; never run by itself.

require_strategy() { :; }

# shift_traffic ID ADDRESS: gives a deployment all traffic. Where that fails, sets $problem and returns 1.
shift_traffic() {
  switch_to "$1" promote && return
  shifting= # a switch is done or it is not: there is nothing to take back
  return 1
}

# Takes back what shift_traffic has begun when it was interrupted: the domains show what they showed before.
return_traffic() {
  ask "$project" || return
  [ "$(of .lastAliasRequest.toDeploymentId)" = "$deployment" ] && [ -n "$previous" ] || return 0
  await_switch "$deployment" || case ${state:-} in
    failed | skipped) return 0 ;; # the domains show what they showed
    *) return 1 ;;
  esac
  say "Switching back to $previous"
  switch_to "$previous" rollback
}
