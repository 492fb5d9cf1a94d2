# shellcheck shell=sh
# One release at a time: the Lease `release` of the namespace belongs to whoever renews it. Sourced after kubernetes.sh.
# A script that was killed renews it no more, so that the next one can take it over.
lock_renewal_seconds=5
lock_patience_seconds=20
lock_renewer=

# Prints now as a Lease writes it.
now() { date -u +%Y-%m-%dT%H:%M:%S.000000Z; }

# take_lock: returns when this script is the only one that changes the environment, else ends it.
take_lock() {
  lock_holder=$(id -un)@$(uname -n):$$
  watched=
  waited_seconds=0
  until problem=$(create_lock 2>&1); do
    case $problem in
      *AlreadyExists* | *'already exists'*) ;;
      *) fail "no release can be started: $problem" ;;
    esac
    seen=$(field lease/release '.spec.holderIdentity} since {.spec.acquireTime}, renewed {.spec.renewTime')
    if [ -n "$watched" ] && [ "$seen" != "$watched" ]; then
      fail "another release to $namespace is under way, by ${seen%,*}: try again when it has ended"
    fi
    if [ "$waited_seconds" -ge "$lock_patience_seconds" ]; then
      say "The release by ${seen%,*} was cut off: going on from what it left"
      kube delete lease release --ignore-not-found
      watched=
      waited_seconds=0
      continue
    fi
    if [ -z "$watched" ]; then
      say "Another release by ${seen%,*}: waiting to see whether it is alive"
    fi
    watched=$seen
    sleep 2
    waited_seconds=$((waited_seconds + 2))
  done
  renew_lock &
  lock_renewer=$!
}

create_lock() {
  kube create --filename - <<END
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata:
  name: release
spec:
  holderIdentity: "$lock_holder"
  leaseDurationSeconds: $lock_patience_seconds
  acquireTime: $(now)
  renewTime: $(now)
END
}

# Runs beside the script, as long as that runs.
renew_lock() {
  trap - EXIT HUP INT TERM
  while sleep "$lock_renewal_seconds" && kill -0 "$$" 2>/dev/null; do
    kube patch lease release --type json --patch "[
      {\"op\": \"test\", \"path\": \"/spec/holderIdentity\", \"value\": \"$lock_holder\"},
      {\"op\": \"replace\", \"path\": \"/spec/renewTime\", \"value\": \"$(now)\"}]" >/dev/null 2>&1 || true
  done
}

# release_lock: lets the next one in.
release_lock() {
  [ -n "$lock_renewer" ] || return 0
  kill "$lock_renewer" 2>/dev/null || true
  if [ "$(field lease/release .spec.holderIdentity)" = "$lock_holder" ]; then
    kube delete lease release --ignore-not-found >/dev/null
  fi
}
