# shellcheck shell=sh
# Blue-green: all traffic switches at once. Sourced by scripts/deploy, after vercel.sh; never run by itself.

require_strategy() { :; }

# shift_traffic ID ADDRESS: gives a deployment all traffic. Where that fails, sets $problem and returns 1.
shift_traffic() { switch_to "$1" promote; }

# Takes back what shift_traffic has begun: a switch is done or it is not.
return_traffic() { :; }
