# --- Manifests ---

OVERLAYS = "deploy/overlays"
SERVERS = {"Deployment", "Rollout", "StatefulSet"}

# Where the Job of an analysis stands in a metric.
METRIC_JOB = ("provider", "job")


@dataclass(frozen=True)
class Manifest:
    """An object as the cluster gets it, and the document that it comes from, which knows its lines."""

    content: dict
    file: str
    source: object
    template: tuple[str | int, ...] = ("spec", "template")  # the keys that lead to what its pods are made from

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.content["kind"]

    @property
    def name(self) -> str:
        """Its name."""
        return str(at(self.content, "metadata", "name", default=""))

    def place(self, *keys: str | int) -> Place:
        """Return where a part of it stands, or what is nearest to it."""
        return self.file, line_of(self.source, *keys)

    @property
    def pod(self) -> dict:
        """The specification of its pods, empty where it makes none."""
        return at(self.content, *self.template, "spec", default={})

    @property
    def pod_labels(self) -> dict:
        """The labels of its pods."""
        return at(self.content, *self.template, "metadata", "labels", default={})

    @property
    def containers(self) -> list[tuple[tuple[str | int, ...], dict]]:
        """The containers of its pods, each with the keys that lead to it."""
        return [
            ((*self.template, "spec", kind, number), container)
            for kind in ("initContainers", "containers")
            for number, container in enumerate(at(self.pod, kind, default=[]))
        ]

    @property
    def main_container(self) -> tuple[tuple[str | int, ...], dict]:
        """The container that serves: the first, as those that others add come after it."""
        return next((keys, container) for keys, container in self.containers if "containers" in keys)


def environments(repository: Repository) -> list[str]:
    """Return the names of the environments."""
    return sorted({name.split("/")[2] for name in repository.matching(f"{OVERLAYS}/*/kustomization.yaml")})


def overlay(environment: str) -> Place:
    """Return the file that puts an environment together."""
    return f"{OVERLAYS}/{environment}/kustomization.yaml", 0


@cache
def run_kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Kustomize on a folder, once also where it fails."""
    return run("kubectl", "kustomize", str(folder))


@cache
def kustomize(folder: Path) -> list[dict] | None:
    """Return the objects that Kustomize makes of a folder, None where kubectl is missing."""
    done = run_kustomize(folder)
    if done.returncode == 127:
        return None
    if done.returncode:
        reason = done.stderr.strip().replace(f"{ROOT}/", "")
        raise ReadinessError(f"kubectl kustomize {folder.name}: {reason}")
    return [document for text in done.stdout.split("\n---\n") for document in parse_yaml(text)]


@cache
def manifests(repository: Repository, environment: str) -> list[Manifest]:
    """Return the objects of an environment."""
    folder = f"{OVERLAYS}/{environment}"
    # Read first: what cannot be parsed is told with its file and line.
    sources = {
        (at(document, "kind"), at(document, "metadata", "name")): (name, document)
        for name in repository.matching("deploy/base/*.yaml", f"{folder}/*.yaml")
        for document in repository.documents(name)
    }
    objects = kustomize(repository.root / folder)
    if objects is None:
        objects = listed(repository, folder)
    found = []
    for content in objects:
        missing = (f"{folder}/kustomization.yaml", content)
        file, source = sources.get((content["kind"], at(content, "metadata", "name")), missing)
        found.append(Manifest(content, file, source))
    return found


def listed(repository: Repository, folder: str) -> list:
    """Return the objects that a kustomization lists, without kubectl: patches are not applied."""
    kustomization = at(repository.documents(f"{folder}/kustomization.yaml"), 0, default={})
    objects: list = []
    for entry in [*at(kustomization, "resources", default=[]), *at(kustomization, "components", default=[])]:
        path = (repository.root / folder / entry).resolve().relative_to(repository.root.resolve()).as_posix()
        objects += listed(repository, path) if (repository.root / path).is_dir() else repository.documents(path)
    for generator in at(kustomization, "configMapGenerator", default=[]):
        lines = "\n".join(repository.text(f"{folder}/{file}") for file in at(generator, "envs", default=[]))
        settings = dict(line.split("=", 1) for line in lines.splitlines() if re.match(r"\w+=", line))
        objects.append({"kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": settings})
    for replicas in at(kustomization, "replicas", default=[]):
        objects = [
            {**item, "spec": {**item["spec"], "replicas": replicas["count"]}}
            if item["kind"] in SERVERS and at(item, "metadata", "name") == replicas["name"]
            else item
            for item in objects
        ]
    return objects


def of_kind(repository: Repository, environment: str, *kinds: str) -> list[Manifest]:
    """Return the objects of these kinds in an environment."""
    return [manifest for manifest in manifests(repository, environment) if manifest.kind in kinds]


def every(repository: Repository, *kinds: str) -> list[tuple[str, Manifest]]:
    """Return the objects of these kinds in all environments, each with its environment."""
    return [
        (environment, manifest)
        for environment in environments(repository)
        for manifest in of_kind(repository, environment, *kinds)
    ]


def servers(repository: Repository) -> list[tuple[str, Manifest]]:
    """Return what runs the service in each environment."""
    return every(repository, *SERVERS)


def workloads(repository: Repository) -> list[tuple[str, Manifest]]:
    """Return everything that makes pods in each environment."""
    return every(repository, *SERVERS, "Job", "CronJob", "DaemonSet") + [
        (environment, Manifest(analysis.content, analysis.file, analysis.source, (*job, "spec", "template")))
        for environment, analysis in every(repository, "AnalysisTemplate")
        for number in range(len(at(analysis.content, "spec", "metrics", default=[])))
        if at(analysis.content, *(job := ("spec", "metrics", number, *METRIC_JOB)))
    ]


def settings(repository: Repository, environment: str) -> dict[str, str]:
    """Return the settings that an environment gives to the service."""
    found: dict[str, str] = {}
    for manifest in of_kind(repository, environment, "ConfigMap"):
        found |= at(manifest.content, "data", default={})
    return found


def setting_place(repository: Repository, environment: str, name: str) -> Place:
    """Return where a setting of an environment stands."""
    files = [
        file
        for file in (f"{OVERLAYS}/{environment}/settings.env", "deploy/base/settings.env")
        if file in repository.files
    ]
    place = repository.search(rf"^{name}=", *files)
    return place if any(place) else (files[0] if files else "", 0)


# --- Probes and the end of a pod ---

SHORTEST_PRE_STOP_SECONDS = 5


def probe(repository: Repository, name: str, path: str) -> Findings:
    """Find out whether a probe of the service asks for a path."""
    for environment, server in servers(repository):
        keys, container = server.main_container
        asked = at(container, name, "httpGet", "path", default="nothing")
        place = server.place(*keys, name, "httpGet", "path")
        yield verdict(asked == path, f"{environment}: {name} asks {asked}", path, place)


@check
def startup_probe(repository: Repository) -> Findings:
    yield from probe(repository, "startupProbe", "/health")
    for environment, server in servers(repository):
        _, container = server.main_container
        startup = at(container, "startupProbe", default={})
        seconds = at(startup, "periodSeconds", default=10) * at(startup, "failureThreshold", default=3)
        deadline = at(server.content, "spec", "progressDeadlineSeconds", default=600)
        seen = f"{environment}: {seconds} s to start, {deadline} s to make progress"
        yield verdict(seconds < deadline, seen, "less time to start", server.place("spec", "progressDeadlineSeconds"))


@check
def readiness_probe(repository: Repository) -> Findings:
    yield from probe(repository, "readinessProbe", "/health/ready")


@check
def liveness_probe(repository: Repository) -> Findings:
    yield from probe(repository, "livenessProbe", "/health")


@check
def pre_stop_delay(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        keys, container = server.main_container
        seconds = at(container, "lifecycle", "preStop", "sleep", "seconds", default=0)
        expected = f"{SHORTEST_PRE_STOP_SECONDS} or more"
        place = server.place(*keys, "lifecycle", "preStop", "sleep", "seconds")
        yield verdict(seconds >= SHORTEST_PRE_STOP_SECONDS, f"{environment}: preStop of {seconds} s", expected, place)


@check
def time_to_drain(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        _, container = server.main_container
        pre_stop = at(container, "lifecycle", "preStop", "sleep", "seconds", default=0)
        timeout = whole_number(settings(repository, environment), "SHUTDOWN_TIMEOUT_SECONDS", "25")
        grace = at(server.pod, "terminationGracePeriodSeconds", default=30)
        seen = f"{environment}: {pre_stop} s preStop + {timeout} s drain, {grace} s of grace"
        place = server.place("spec", "template", "spec", "terminationGracePeriodSeconds")
        yield verdict(pre_stop + timeout < grace, seen, "more grace than both", place)


# --- Pods enough, in the right places ---

LEAST_PODS = 2


@check
def resources_bounded(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        for keys, container in workload.containers:
            resources = at(container, "resources", default={})
            bounds = [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")]
            missing = [" ".join(bound) for bound in bounds if at(resources, *bound) is None]
            seen = f"{environment}: {workload.kind} {container['name']} lacks {', '.join(missing) or 'nothing'}"
            yield verdict(not missing, seen, "requests, and a limit of memory", workload.place(*keys, "resources"))


def fewest_pods(repository: Repository, environment: str, server: Manifest) -> tuple[int, Place]:
    """Return how many pods there are at least, and where that stands."""
    for scaler in of_kind(repository, environment, "HorizontalPodAutoscaler"):
        return at(scaler.content, "spec", "minReplicas", default=1), scaler.place("spec", "minReplicas")
    replicas = at(server.content, "spec", "replicas", default=1)
    place = repository.search(rf"^ +count: {replicas}$", f"{OVERLAYS}/{environment}/kustomization.yaml")
    return replicas, place if any(place) else server.place("spec", "replicas")


@check
def pods_enough(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        number, place = fewest_pods(repository, environment, server)
        yield verdict(number >= LEAST_PODS, f"{environment}: {number} pods at least", f"{LEAST_PODS} or more", place)


@check
def autoscaler_alone(repository: Repository) -> Findings:
    for environment, scaler in every(repository, "HorizontalPodAutoscaler"):
        target = at(scaler.content, "spec", "scaleTargetRef", default={})
        wanted = (at(target, "kind"), at(target, "name"))
        matches = [
            server for server in of_kind(repository, environment, *SERVERS) if (server.kind, server.name) == wanted
        ]
        place = scaler.place("spec", "scaleTargetRef", "name")
        yield verdict(matches, f"{environment}: scales {wanted[0]} {wanted[1]}", "what runs the service", place)
        for server in matches:
            replicas = at(server.content, "spec", "replicas")
            seen = f"{environment}: replicas {shown(replicas)} beside an autoscaler"
            yield verdict(replicas is None, seen, "none, or each deploy resets it", server.place("spec", "replicas"))


@check
def nodes_can_drain(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        pods, _ = fewest_pods(repository, environment, server)
        budgets = [
            budget
            for budget in of_kind(repository, environment, "PodDisruptionBudget")
            if selects(at(budget.content, "spec", "selector", "matchLabels"), server)
        ]
        seen = f"{environment}: disruption budgets for its pods: {len(budgets)}"
        yield verdict(len(budgets) == 1, seen, "one", server.place())
        for budget in budgets:
            spec = budget.content["spec"]
            key = "maxUnavailable" if "maxUnavailable" in spec else "minAvailable"
            bound = str(spec.get(key, 0))
            number = pods * int(bound[:-1]) // 100 if bound.endswith("%") else int(bound)
            free = number if key == "maxUnavailable" else pods - number
            seen = f"{environment}: {key} {bound} lets {free} of {pods} pods go"
            is_some = 0 < free < max(pods, LEAST_PODS)
            yield verdict(is_some, seen, "some to go and some to stay", budget.place("spec", key))


def selects(labels: dict | None, workload: Manifest) -> bool:
    """Tell whether a selector's labels are all on the pods of a workload."""
    return bool(labels) and labels.items() <= workload.pod_labels.items()


@check
def pods_spread(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        spread = at(server.pod, "topologySpreadConstraints", default=[])
        place = server.place("spec", "template", "spec", "topologySpreadConstraints")
        keys = [entry["topologyKey"] for entry in spread if selects(at(entry, "labelSelector", "matchLabels"), server)]
        expected = "topology.kubernetes.io/zone and kubernetes.io/hostname"
        is_spread = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} <= set(keys)
        yield verdict(is_spread, f"{environment}: spread over {', '.join(keys) or 'nothing'}", expected, place)


@check
def services_find_pods(repository: Repository) -> Findings:
    for environment, service in every(repository, "Service"):
        selector = at(service.content, "spec", "selector", default={})
        found = [server for server in of_kind(repository, environment, *SERVERS) if selects(selector, server)]
        seen = f"{environment}: Service {service.name} finds {len(found)} workload"
        yield verdict(found, seen, "the service's", service.place("spec", "selector"))
        for server in found:
            ports = at(server.main_container[1], "ports", default=[])
            known = {at(port, key) for port in ports for key in ("name", "containerPort")}
            for number, port in enumerate(at(service.content, "spec", "ports", default=[])):
                target = at(port, "targetPort", default=port["port"])
                seen = f"{environment}: Service {service.name} sends to port {target}"
                yield verdict(target in known, seen, "a port of the container", service.place("spec", "ports", number))


@check
def settings_released(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        keys, container = server.main_container
        sources = at(container, "envFrom", default=[])
        names = {source["configMapRef"]["name"] for source in sources if "configMapRef" in source}
        made = {manifest.name for manifest in of_kind(repository, environment, "ConfigMap")}
        files = repository.matching("deploy/*/kustomization.yaml", "deploy/*/*/kustomization.yaml")
        fixed = [file for file in files if "disableNameSuffixHash: true" in repository.text(file)]
        seen = f"{environment}: settings from ConfigMap {', '.join(sorted(names)) or 'none'}"
        expected = "one that is generated, with a hash in its name"
        yield verdict(names & made and not fixed, seen, expected, server.place(*keys, "envFrom"))


@check
def variables_in_settings(repository: Repository) -> Findings:
    declared = schema(repository)
    documents = {
        name: repository.text(name) for name in repository.matching("*.md") if name not in {"README.md", CHECKLIST}
    }
    for environment in environments(repository):
        given = settings(repository, environment)
        for name, variable in declared.items():
            is_given = variable.has_default or name in given or any(f"`{name}`" in text for text in documents.values())
            place = setting_place(repository, environment, name)
            expected = "a setting, or a line on its secret in DEPLOYMENT.md"
            yield verdict(is_given, f"{environment}: {name}", expected, place)
        for name in sorted(given.keys() - declared.keys()):
            place = setting_place(repository, environment, name)
            yield verdict(False, f"{environment}: {name}", f"a variable of {SCHEMA}", place)


def without_what_may_differ(pod: dict) -> dict:
    """Return what of a pod is the same in all environments: all but resources and the names of generated settings."""
    text = re.sub(r'("configMapRef": \{"name": "[^"]+)-\w{10}"', r'\1"', json.dumps(pod))
    return json.loads(text, object_hook=lambda node: {key: value for key, value in node.items() if key != "resources"})


@check
def environments_alike(repository: Repository) -> Findings:
    pods = {environment: without_what_may_differ(server.pod) for environment, server in servers(repository)}
    for environment in sorted(pods.keys() - {"production"}):
        is_alike = pods[environment] == pods.get("production")
        place = overlay(environment)
        seen = f"pods of {environment} beside those of production"
        yield verdict(is_alike, seen, "the same but for their resources", place)


# --- Monitoring ---


@check
def metrics_found(repository: Repository) -> Findings:
    for environment in environments(repository):
        port = settings(repository, environment).get("METRICS_PORT", "9090")
        found = [
            service
            for service in of_kind(repository, environment, "Service")
            if at(service.content, "metadata", "annotations", "prometheus.io/port") == port
        ]
        place = found[0].place("metadata", "annotations", "prometheus.io/port") if found else overlay(environment)
        yield verdict(found, f"{environment}: a Service shows port {port} to Prometheus", "the annotation", place)


@check
def metrics_closed(repository: Repository) -> Findings:
    for environment, policy in every(repository, "NetworkPolicy"):
        port = whole_number(settings(repository, environment), "METRICS_PORT", "9090")
        for number, rule in enumerate(at(policy.content, "spec", "ingress", default=[])):
            ports = [at(entry, "port") for entry in at(rule, "ports", default=[])]
            if port in ports or not ports:
                origin = at(rule, "from", default=[])
                place = policy.place("spec", "ingress", number)
                seen = f"{environment}: port {port} from {len(origin)} named source"
                yield verdict(origin, seen, "a source by name", place)


@check
def last_words_kept(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        for keys, container in workload.containers:
            policy = at(container, "terminationMessagePolicy", default="File")
            place = workload.place(*keys, "terminationMessagePolicy")
            expected = "FallbackToLogsOnError"
            yield verdict(policy == expected, f"{environment}: {container['name']} {policy}", expected, place)


@check
def log_level_bearable(repository: Repository) -> Findings:
    level = settings(repository, "production").get("LOG_LEVEL", "info")
    place = setting_place(repository, "production", "LOG_LEVEL")
    yield verdict(level != "debug", f"production: LOG_LEVEL {level}", "info or less", place)


# --- Security ---


def each_container(repository: Repository, look: Callable[..., tuple[bool, str]], expected: str, key: str) -> Findings:
    """Look at each container and its pod; the key names what of the security context is looked at."""
    for environment, workload in workloads(repository):
        for path, container in workload.containers:
            is_good, seen = look(workload.pod, container)
            place = workload.place(*path, "securityContext", key)
            yield verdict(is_good, f"{environment}: {container['name']}: {seen}", expected, place)


def secured(pod: dict, container: dict, key: str) -> object:
    """Return a security setting of a container, or else its pod's."""
    return at(container, "securityContext", key, default=at(pod, "securityContext", key))


@check
def pods_not_root(repository: Repository) -> Findings:
    def look(pod: dict, container: dict) -> tuple[bool, str]:
        non_root, user = secured(pod, container, "runAsNonRoot"), secured(pod, container, "runAsUser")
        is_good = non_root is True and isinstance(user, int) and user > 0
        return is_good, f"runAsNonRoot {shown(non_root)}, runAsUser {shown(user)}"

    yield from each_container(repository, look, "true, and a user above 0", "runAsUser")


@check
def pods_read_only(repository: Repository) -> Findings:
    def look(_: dict, container: dict) -> tuple[bool, str]:
        value = at(container, "securityContext", "readOnlyRootFilesystem")
        return value is True, f"readOnlyRootFilesystem {shown(value)}"

    yield from each_container(repository, look, "true", "readOnlyRootFilesystem")


@check
def pods_without_capabilities(repository: Repository) -> Findings:
    def look(_: dict, container: dict) -> tuple[bool, str]:
        context = at(container, "securityContext", default={})
        dropped, added = at(context, "capabilities", "drop", default=[]), at(context, "capabilities", "add", default=[])
        escalation = at(context, "allowPrivilegeEscalation", default=True)
        is_good = list(dropped) == ["ALL"] and not added and escalation is False and not at(context, "privileged")
        return is_good, f"drops {', '.join(dropped) or 'nothing'}, allowPrivilegeEscalation {shown(escalation)}"

    yield from each_container(repository, look, "ALL dropped, none added, false", "capabilities")


@check
def pods_confined(repository: Repository) -> Findings:
    def look(pod: dict, container: dict) -> tuple[bool, str]:
        profile = at(secured(pod, container, "seccompProfile"), "type")
        return profile == "RuntimeDefault", f"seccompProfile {shown(profile)}"

    yield from each_container(repository, look, "RuntimeDefault", "seccompProfile")


@check
def pods_off_the_host(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        shared = [key for key in ("hostNetwork", "hostPID", "hostIPC") if at(workload.pod, key)]
        shared += [volume["name"] for volume in at(workload.pod, "volumes", default=[]) if "hostPath" in volume]
        seen = f"{environment}: {workload.kind} shares {', '.join(shared) or 'nothing'} with its node"
        yield verdict(not shared, seen, "nothing", workload.place(*workload.template, "spec", *shared[:1]))


@check
def no_cluster_token(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        mounted = at(workload.pod, "automountServiceAccountToken", default=True)
        place = workload.place(*workload.template, "spec", "automountServiceAccountToken")
        seen = f"{environment}: {workload.kind} automountServiceAccountToken {shown(mounted)}"
        yield verdict(mounted is False, seen, "false", place)
    for environment, account in every(repository, "ServiceAccount"):
        mounted = at(account.content, "automountServiceAccountToken", default=True)
        place = account.place("automountServiceAccountToken")
        seen = f"{environment}: ServiceAccount automountServiceAccountToken {shown(mounted)}"
        yield verdict(mounted is False, seen, "false", place)


@check
def namespaces_restricted(repository: Repository) -> Findings:
    for environment in environments(repository):
        file = f"{OVERLAYS}/{environment}/namespace.yaml"
        namespace = at(repository.documents(file), 0, default={})
        level = at(namespace, "metadata", "labels", "pod-security.kubernetes.io/enforce", default="missing")
        place = (file, line_of(namespace, "metadata", "labels", "pod-security.kubernetes.io/enforce"))
        yield verdict(level == "restricted", f"{environment}: Pod Security level {level}", "restricted", place)


@check
def network_closed(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        covering = [
            policy
            for policy in of_kind(repository, environment, "NetworkPolicy")
            if selects(at(policy.content, "spec", "podSelector", "matchLabels"), workload)
        ]
        directions = {kind for policy in covering for kind in at(policy.content, "spec", "policyTypes", default=[])}
        place = covering[0].place("spec", "policyTypes") if covering else workload.place()
        seen = f"{environment}: {workload.kind} is closed for {', '.join(sorted(directions)) or 'nothing'}"
        yield verdict(directions == {"Ingress", "Egress"}, seen, "both directions", place)
        for policy in covering:
            for direction in ("ingress", "egress"):
                for number, rule in enumerate(at(policy.content, "spec", direction, default=[])):
                    seen, place = f"{environment}: {direction} {number + 1}", policy.place("spec", direction, number)
                    yield verdict(at(rule, "ports"), seen, "ports by number", place)


@check
def secrets_by_reference(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        for keys, container in workload.containers:
            literal = [
                entry["name"]
                for entry in at(container, "env", default=[])
                if SECRET_NAME.search(entry["name"]) and "value" in entry
            ]
            seen = f"{environment}: {workload.kind} {container['name']} has {', '.join(literal) or 'no secret'} as text"
            yield verdict(not literal, seen, "a Secret by its name", workload.place(*keys, "env"))
    for environment, server in servers(repository):
        keys, container = server.main_container
        names = [at(source, "secretRef", "name") for source in at(container, "envFrom", default=[])]
        seen = f"{environment}: Secret {', '.join(filter(None, names)) or 'none'}"
        yield verdict(any(names), seen, "a Secret by its name", server.place(*keys, "envFrom"))
    for environment in environments(repository):
        for name, value in settings(repository, environment).items():
            is_secret = SECRET_NAME.search(name) or PASSWORD_IN_URL.search(str(value))
            place = setting_place(repository, environment, name)
            yield verdict(not is_secret, f"{environment}: {name} among the settings", "no secret there", place)
    for file in repository.matching("deploy/*.yaml"):
        for document in repository.documents(file):
            kind, place = at(document, "kind"), (file, line_of(document, "kind"))
            yield verdict(kind != "Secret", f"{kind}", "no Secret in Git", place)


# What leads to every right, or to a secret.
TOO_MUCH = {"*", "secrets", "roles", "rolebindings", "impersonate", "escalate", "bind", "pods/exec"}


@check
def deployer_least_rights(repository: Repository) -> Findings:
    for file in repository.matching("deploy/*.yaml"):
        for document in repository.documents(file):
            kind = at(document, "kind", default="")
            if kind.endswith(("Role", "RoleBinding")):
                is_narrow, place = not kind.startswith("Cluster"), (file, line_of(document, "kind"))
                yield verdict(is_narrow, kind, "rights in one namespace only", place)
            for number, rule in enumerate(at(document, "rules", default=[]) if kind.endswith("Role") else []):
                resources, verbs = (at(rule, key, default=[]) for key in ("resources", "verbs"))
                is_least = not TOO_MUCH & {*at(rule, "apiGroups", default=[]), *resources, *verbs}
                seen, place = f"{', '.join(resources)}: {', '.join(verbs)}", (file, line_of(document, "rules", number))
                yield verdict(is_least, seen, "no wildcard, no secret, no way to more rights", place)


# --- Releases ---

# What of scripts/deploy brings back what ran before.
UNDO = "bring_back"


@check
def one_release_at_a_time(repository: Repository) -> Findings:
    for script in ("scripts/deploy", "scripts/rollback"):
        seen = f"{script} takes the lock"
        yield repository.shows(r"^take_lock$", script, seen=seen, expected="take_lock, before it changes anything")
    file = "deploy/deployer.yaml"
    needed = {"get", "create", "patch", "delete"}
    granted, place = set(), (file, 0)
    for document in repository.documents(file):
        for number, rule in enumerate(at(document, "rules", default=[])):
            if "leases" in at(rule, "resources", default=[]):
                granted, place = set(at(rule, "verbs", default=[])), (file, line_of(document, "rules", number))
    seen = f"the deployer's rights on leases: {', '.join(sorted(granted)) or 'none'}"
    yield verdict(needed <= granted, seen, ", ".join(sorted(needed)), place)
