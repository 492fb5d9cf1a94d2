@check
def domains_switch_at_once(repository: Repository) -> Findings:
    switch = r'^\s*switch_to "\$1" promote && return$'
    yield repository.shows(switch, "scripts/lib/traffic.sh", seen="one promotion", expected='switch_to "$1" promote')
    yield repository.shows(r'^  await_switch "\$1"$', LIBRARY, seen="its end is waited for", expected="await_switch")
