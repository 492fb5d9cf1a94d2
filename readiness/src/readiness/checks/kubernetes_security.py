"""Checks of what pods and the deployer may do on Kubernetes."""

import re
from collections.abc import Callable
from typing import Any

from readiness.documents import get, line_of, to_yaml
from readiness.environment import whole_number
from readiness.findings import CannotJudgeError, Findings, judge
from readiness.manifests import (
    environments,
    manifest_files,
    objects,
    objects_everywhere,
    selects,
    servers,
    setting_place,
    settings,
    workloads,
)
from readiness.registry import check
from readiness.repository import Repository
from readiness.secrets import PASSWORD_IN_URL, SECRET_NAME


@check("kubernetes", "metrics-closed")
def metrics_closed(repository: Repository) -> Findings:
    if not repository.is_emitted and servers(repository):
        raise CannotJudgeError("the port of the metrics is not known")
    for environment, policy in objects_everywhere(repository, "NetworkPolicy"):
        port = whole_number(settings(repository, environment), "METRICS_PORT", "9090")
        for number, rule in enumerate(get(policy.content, "spec", "ingress", default=[])):
            ports = [get(entry, "port") for entry in get(rule, "ports", default=[])]
            if port in ports or not ports:
                origin = get(rule, "from", default=[])
                place = policy.place("spec", "ingress", number)
                seen = f"{environment}: port {port} from {len(origin)} named source"
                yield judge(origin, seen, "a source by name", place)


def each_container(
    repository: Repository, check_container: Callable[..., tuple[bool, str]], expected: str, key: str
) -> Findings:
    """Look at each container and its pod; the key names what of the security context is looked at."""
    for environment, workload in workloads(repository):
        for path, container in workload.containers:
            is_good, seen = check_container(workload.pod, container)
            place = workload.place(*path, "securityContext", key)
            yield judge(is_good, f"{environment}: {container['name']}: {seen}", expected, place)


def security_setting(pod: dict[str, Any], container: dict[str, Any], key: str) -> object:
    """Return a security setting of a container, or else its pod's."""
    return get(container, "securityContext", key, default=get(pod, "securityContext", key))


@check("kubernetes", "pods-not-root")
def pods_not_root(repository: Repository) -> Findings:
    def check_container(pod: dict[str, Any], container: dict[str, Any]) -> tuple[bool, str]:
        non_root, user = security_setting(pod, container, "runAsNonRoot"), security_setting(pod, container, "runAsUser")
        is_good = non_root is True and isinstance(user, int) and user > 0
        return is_good, f"runAsNonRoot {to_yaml(non_root)}, runAsUser {to_yaml(user)}"

    yield from each_container(repository, check_container, "true, and a user above 0", "runAsUser")


@check("kubernetes", "pods-read-only")
def pods_read_only(repository: Repository) -> Findings:
    def check_container(_: dict[str, Any], container: dict[str, Any]) -> tuple[bool, str]:
        value = get(container, "securityContext", "readOnlyRootFilesystem")
        return value is True, f"readOnlyRootFilesystem {to_yaml(value)}"

    yield from each_container(repository, check_container, "true", "readOnlyRootFilesystem")


@check("kubernetes", "pods-without-capabilities")
def pods_without_capabilities(repository: Repository) -> Findings:
    def check_container(_: dict[str, Any], container: dict[str, Any]) -> tuple[bool, str]:
        context = get(container, "securityContext", default={})
        dropped, added = (
            get(context, "capabilities", "drop", default=[]),
            get(context, "capabilities", "add", default=[]),
        )
        escalation = get(context, "allowPrivilegeEscalation", default=True)
        is_good = list(dropped) == ["ALL"] and not added and escalation is False and not get(context, "privileged")
        return is_good, f"drops {', '.join(dropped) or 'nothing'}, allowPrivilegeEscalation {to_yaml(escalation)}"

    yield from each_container(repository, check_container, "ALL dropped, none added, false", "capabilities")


@check("kubernetes", "pods-confined")
def pods_confined(repository: Repository) -> Findings:
    def check_container(pod: dict[str, Any], container: dict[str, Any]) -> tuple[bool, str]:
        profile = get(security_setting(pod, container, "seccompProfile"), "type")
        return profile == "RuntimeDefault", f"seccompProfile {to_yaml(profile)}"

    yield from each_container(repository, check_container, "RuntimeDefault", "seccompProfile")


@check("kubernetes", "pods-off-the-host")
def pods_off_the_host(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        shared = [key for key in ("hostNetwork", "hostPID", "hostIPC") if get(workload.pod, key)]
        shared += [volume["name"] for volume in get(workload.pod, "volumes", default=[]) if "hostPath" in volume]
        seen = f"{environment}: {workload.kind} shares {', '.join(shared) or 'nothing'} with its node"
        yield judge(not shared, seen, "nothing", workload.place(*workload.template, "spec", *shared[:1]))


@check("kubernetes", "no-cluster-token")
def no_cluster_token(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        mounted = get(workload.pod, "automountServiceAccountToken", default=True)
        place = workload.place(*workload.template, "spec", "automountServiceAccountToken")
        seen = f"{environment}: {workload.kind} automountServiceAccountToken {to_yaml(mounted)}"
        yield judge(mounted is False, seen, "false", place)
    for environment, account in objects_everywhere(repository, "ServiceAccount"):
        mounted = get(account.content, "automountServiceAccountToken", default=True)
        place = account.place("automountServiceAccountToken")
        seen = f"{environment}: ServiceAccount automountServiceAccountToken {to_yaml(mounted)}"
        yield judge(mounted is False, seen, "false", place)


@check("kubernetes", "namespaces-restricted")
def namespaces_restricted(repository: Repository) -> Findings:
    found = [
        (file, document)
        for file in repository.matching("*.yaml", "*.yml")
        if "kind: Namespace\n" in repository.text(file) and "{{" not in repository.text(file)
        for document in repository.documents(file)
        if get(document, "kind") == "Namespace"
    ]
    if not repository.is_emitted and not found and environments(repository):
        raise CannotJudgeError("the manifests create no namespace")
    for file, namespace in found:
        name = get(namespace, "metadata", "name", default="missing")
        level = get(namespace, "metadata", "labels", "pod-security.kubernetes.io/enforce", default="missing")
        place = (file, line_of(namespace, "metadata", "labels", "pod-security.kubernetes.io/enforce"))
        yield judge(level == "restricted", f"{name}: Pod Security level {level}", "restricted", place)
    if repository.is_emitted:
        names = " ".join(str(get(namespace, "metadata", "name")) for _, namespace in found)
        for environment in environments(repository):
            exists = re.search(rf"-{environment}\b", names)
            yield judge(
                exists, f"{environment}: namespace {'exists' if exists else 'is missing'}", "a Namespace manifest"
            )


@check("kubernetes", "network-closed")
def network_closed(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        covering = [
            policy
            for policy in objects(repository, environment, "NetworkPolicy")
            if selects(get(policy.content, "spec", "podSelector", "matchLabels"), workload)
        ]
        directions = {kind for policy in covering for kind in get(policy.content, "spec", "policyTypes", default=[])}
        place = covering[0].place("spec", "policyTypes") if covering else workload.place()
        seen = f"{environment}: {workload.kind} is closed for {', '.join(sorted(directions)) or 'nothing'}"
        yield judge(directions == {"Ingress", "Egress"}, seen, "both directions", place)
        for policy in covering:
            for direction in ("ingress", "egress"):
                for number, rule in enumerate(get(policy.content, "spec", direction, default=[])):
                    seen, place = f"{environment}: {direction} {number + 1}", policy.place("spec", direction, number)
                    yield judge(get(rule, "ports"), seen, "ports by number", place)


@check("kubernetes", "secrets-by-reference")
def secrets_by_reference(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        for keys, container in workload.containers:
            literal = [
                entry["name"]
                for entry in get(container, "env", default=[])
                if SECRET_NAME.search(entry["name"]) and "value" in entry
            ]
            seen = f"{environment}: {workload.kind} {container['name']} has {', '.join(literal) or 'no secret'} as text"
            yield judge(not literal, seen, "a Secret by its name", workload.place(*keys, "env"))
    for environment, server in servers(repository):
        keys, container = server.main_container
        names = [get(source, "secretRef", "name") for source in get(container, "envFrom", default=[])]
        if not repository.is_emitted and not any(names):
            continue
        seen = f"{environment}: Secret {', '.join(filter(None, names)) or 'none'}"
        yield judge(any(names), seen, "a Secret by its name", server.place(*keys, "envFrom"))
    for environment in environments(repository):
        for name, value in settings(repository, environment).items():
            is_secret = SECRET_NAME.search(name) or PASSWORD_IN_URL.search(str(value))
            place = setting_place(repository, environment, name)
            yield judge(not is_secret, f"{environment}: {name} among the settings", "no secret there", place)
    for file in manifest_files(repository):
        for document in repository.documents(file):
            kind, place = get(document, "kind"), (file, line_of(document, "kind"))
            yield judge(kind != "Secret", f"{kind}", "no Secret in Git", place)


# What leads to every right, or to a secret.
TOO_MUCH = {"*", "secrets", "roles", "rolebindings", "impersonate", "escalate", "bind", "pods/exec"}


@check("kubernetes", "deployer-least-rights")
def deployer_least_rights(repository: Repository) -> Findings:
    for file in manifest_files(repository):
        for document in repository.documents(file):
            kind = get(document, "kind", default="")
            if kind.endswith(("Role", "RoleBinding")):
                is_narrow, place = not kind.startswith("Cluster"), (file, line_of(document, "kind"))
                yield judge(is_narrow, kind, "rights in one namespace only", place)
            for number, rule in enumerate(get(document, "rules", default=[]) if kind.endswith("Role") else []):
                resources, verbs = (get(rule, key, default=[]) for key in ("resources", "verbs"))
                is_least = not TOO_MUCH & {*get(rule, "apiGroups", default=[]), *resources, *verbs}
                seen, place = f"{', '.join(resources)}: {', '.join(verbs)}", (file, line_of(document, "rules", number))
                yield judge(is_least, seen, "no wildcard, no secret, no way to more rights", place)
