# shellcheck shell=sh
# Blue-green: all traffic switches at once. Sourced by scripts/deploy, after vercel.sh.

require_strategy() { :; }

# shift_traffic ID ADDRESS: switches all traffic to a deployment. On failure, sets $problem and returns 1.
shift_traffic() {
  switch_to "$1" promote && return
  shifting= # a failed switch changed nothing
  return 1
}

# Reverts an interrupted shift_traffic: the domains switch back to the previous deployment.
revert_traffic() {
  get "$project" || return
  [ "$(of .lastAliasRequest.toDeploymentId)" = "$deployment" ] && [ -n "$previous" ] || return 0
  await_switch "$deployment" || case ${state:-} in
    failed | skipped) return 0 ;; # the domains did not switch
    *) return 1 ;;
  esac
  say "Switching back to $previous"
  switch_to "$previous" rollback
}
