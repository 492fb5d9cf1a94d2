"""Promise: each alert fires when it should and not otherwise, and every query returns data of a running service."""

import contextlib
import http.server
import itertools
import json
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from tests import containers
from tests.combinations import covering_rows, label
from tests.test_images import token
from tests.test_manifests import anchors

ALERTS = "deploy/components/alerts/alerts.yaml"
PRODUCTION, STAGING = "my-service-production", "my-service-staging"
HOUR, DAY = 60, 24 * 60  # minutes

Series = dict[str, str]


def rules(project: Path) -> list[dict]:
    """Return the rules of a project's component `alerts`."""
    return [rule for group in groups(project) for rule in group["rules"]]


def groups(project: Path) -> list[dict]:
    return yaml.safe_load((project / ALERTS).read_text())["spec"]["groups"]


# Each alert leads somewhere


@pytest.mark.parametrize("answers", covering_rows("kubernetes"), ids=label)
def test_each_alert_has_a_severity_and_a_section_in_the_runbook(render, answers):
    project = render(**answers)
    address = "https://github.com/example/my-service/blob/main/RUNBOOK.md#"
    alerts = [rule for rule in rules(project) if "alert" in rule]
    for alert in alerts:
        assert alert["labels"]["severity"] in {"critical", "warning"}
        url = alert["annotations"]["runbook_url"]
        assert url == address + alert["alert"].lower()
        assert url.removeprefix(address) in anchors(project / "RUNBOOK.md")
    names = {alert["alert"] for alert in alerts}
    assert ("MigrationFailed" in names) == ("postgres" in answers["services"])
    section = (project / "RUNBOOK.md").read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
    assert names == set(re.findall(r"^### (\w+)$", section, re.MULTILINE))


# Each alert fires when it should and not otherwise: promtool evaluates a day of made-up series


def minutes(*stretches: tuple[int, float]) -> str:
    """Return a counter in promtool's notation: stretches of minutes, and the increase per minute in each."""
    value, parts = 0.0, []
    for length, increase in stretches:
        parts.append(f"{value + increase:g}{increase:+g}x{length - 1}")
        value += length * increase
    return " ".join(parts)


def traffic(namespace: str, failed: str = "0x1440", fast: str = "", total: str = "") -> Series:
    """Return the metrics of a service with ten requests a second, of which none fails and all are fast."""
    labels = f'namespace="{namespace}",pod="my-service-7f-a",method="GET",route="/"'
    total = total or minutes((DAY, 600))
    return {
        f'http_requests_total{{{labels},status="200"}}': total,
        f'http_requests_total{{{labels},status="500"}}': failed,
        f'http_request_duration_seconds_bucket{{{labels},status="200",le="0.5"}}': fast or total,
        f'http_request_duration_seconds_bucket{{{labels},status="200",le="1"}}': total,
    }


def pod(namespace: str, name: str, ready: str = "1x1440", phase: str = "Running", owner: str = "ReplicaSet") -> Series:
    """Return the metrics of kube-state-metrics on a pod.

    https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/workload/pod-metrics.md
    """
    labels = f'namespace="{namespace}",pod="{name}"'
    return {
        f'kube_pod_status_ready{{{labels},condition="true"}}': ready,
        f'kube_pod_owner{{{labels},owner_kind="{owner}"}}': "1x1440",
        f'kube_pod_container_status_restarts_total{{{labels},container="server"}}': "0x1440",
        **{
            f'kube_pod_status_phase{{{labels},phase="{each}"}}': f"{int(each == phase)}x1440"
            for each in {"Running", phase}
        },
    }


def job(namespace: str, name: str, failed: str = "0x1440") -> Series:
    """Return the metric of kube-state-metrics on a failed Job (job-metrics.md)."""
    return {f'kube_job_failed{{namespace="{namespace}",job_name="{name}",condition="true"}}': failed}


def progressing(namespace: str, is_false: str = "0x1440") -> Series:
    """Return a metric of kube-state-metrics on a Deployment (deployment-metrics.md)."""
    labels = f'namespace="{namespace}",deployment="my-service",condition="Progressing"'
    return {
        f'kube_deployment_status_condition{{{labels},status="false"}}': is_false,
        f'kube_deployment_status_condition{{{labels},status="true"}}': "1x1440",
    }


def events(namespace: str, reason: str, count: str, name: str = "my-service") -> Series:
    """Return a metric of Argo Rollouts: an aborted release counts as RolloutAborted (rollout/sync.go)."""
    labels = f'namespace="{namespace}",name="{name}",type="Warning",reason="{reason}"'
    return {f"rollout_events_total{{{labels}}}": count}


def healthy() -> Series:
    """Return the metrics of two healthy environments, and of a preview and another service that are not."""
    series: Series = {}
    for namespace in (PRODUCTION, STAGING):
        series |= traffic(namespace)
        for name in ("my-service-7f-a", "my-service-7f-b", "my-service-7f-c"):
            series |= pod(namespace, name)
        series |= job(namespace, "my-service-migration") | job(namespace, "my-service-pre-traffic-check")
        series |= progressing(namespace) | events(namespace, "RolloutAborted", "_x1200 1x240")  # hours ago
    for namespace in ("my-service-preview", "other-production"):
        series |= traffic(namespace, failed=minutes((DAY, 300)), fast=minutes((DAY, 300)))
        series |= pod(namespace, "my-service-7f-a", "0x1440") | job(namespace, "my-service-migration", "1x1440")
        series |= progressing(namespace, "1x1440") | events(namespace, "RolloutAborted", minutes((DAY, 1)))
    return series


def slow(*stretches: tuple[int, float]) -> Series:
    """Return the metrics of a staging in which shares of the ten requests a second are slow."""
    return traffic(STAGING, fast=minutes(*((length, 600 * (1 - share)) for length, share in stretches)))


def failing(*stretches: tuple[int, float]) -> Series:
    """Return the metrics of a production in which shares of the ten requests a second fail."""
    return traffic(
        PRODUCTION,
        failed=minutes(*((length, 600 * share) for length, share in stretches)),
        total=minutes(*((length, 600 * (1 - share)) for length, share in stretches)),
    )


def unready(name: str, length: int) -> Series:
    """Return the metrics of a pod of production that is not ready for its last minutes."""
    return pod(PRODUCTION, name, f"1x{DAY - length - 1} 0x{length}")


def restarts(*increases: int) -> Series:
    """Return restarts of staging's pods, one pod each, that ended ten minutes ago."""
    name = 'kube_pod_container_status_restarts_total{{namespace="{}",pod="my-service-7f-{}",container="server"}}'
    values = [minutes((DAY - 20, 0), (10, increase / 10), (10, 0)) for increase in increases]
    return {name.format(STAGING, pod): value for pod, value in zip("abc", values, strict=False)}


# Lists of what can happen independently: what differs from healthy(), and the severities of the alert that then fires.
QUIET = minutes((DAY, 0.5))  # one request in two minutes
HAPPENS: dict[str, list[tuple[Series, str]]] = {
    "HighErrorRate production": [
        (failing((DAY - HOUR, 0), (HOUR, 0.02)), "critical"),
        (failing((DAY - HOUR, 0), (HOUR, 0.01)), ""),
        (failing((DAY - 90, 0), (HOUR, 0.02), (30, 0)), ""),  # it is over
        (failing((DAY - 10, 0), (10, 0.2)), "critical"),
        (failing((DAY - 10, 0), (10, 0.02)), ""),
        (failing((DAY - 6 * HOUR, 0), (6 * HOUR, 0.008)), "critical warning"),
        (failing((DAY, 0.002)), "warning"),
        (failing((DAY, 0.0005)), ""),
        (traffic(PRODUCTION, failed="0x1430 1x10", total=QUIET), ""),  # one fails
        (
            traffic(PRODUCTION, failed=minutes((DAY - 2 * HOUR, 0), (2 * HOUR, 0.5)), total=QUIET),  # half of them fail
            "critical warning",
        ),
    ],
    "HighLatency staging": [
        (slow((DAY - HOUR, 0), (HOUR, 0.2)), "critical"),
        (slow((DAY - HOUR, 0), (HOUR, 0.1)), ""),
        (slow((DAY - 90, 0), (HOUR, 0.2), (30, 0)), ""),  # it is over
        (slow((DAY - 6 * HOUR, 0), (6 * HOUR, 0.08)), "critical warning"),
        (slow((DAY, 0.02)), "warning"),
        (slow((DAY, 0.005)), ""),
        (traffic(STAGING, total=minutes((DAY - HOUR, 600), (HOUR, 0))), ""),  # no requests
    ],
    "PodsNotReady production": [
        (unready("my-service-7f-a", 17) | unready("my-service-7f-b", 17), "critical"),
        (unready("my-service-7f-a", 3) | unready("my-service-7f-b", 3), ""),
        (unready("my-service-7f-a", 25), "warning"),
        (unready("my-service-7f-a", 10), ""),
        (pod(PRODUCTION, "my-service-7f-d", "0x1440", "Pending"), "warning"),
        (pod(PRODUCTION, "my-service-7f-d", "0x1440", "Failed"), ""),  # evicted
        (pod(PRODUCTION, "my-service-migration-d", "0x1440", "Running", "Job"), ""),
    ],
    "PodsRestarting staging": [
        (restarts(3), "warning"),
        (restarts(2), ""),
        (restarts(1, 1, 1), "warning"),
    ],
}
NO_TRAFFIC = {
    "NoTraffic production": [
        ({}, ""),
        (traffic(PRODUCTION, total=minutes((DAY - 30, 600), (30, 0))), "warning"),
        (traffic(PRODUCTION, total=minutes((DAY - 12, 600), (12, 0))), ""),
        (
            {name: f"{value} _x30" for name, value in traffic(PRODUCTION, total=minutes((DAY - 30, 600))).items()},
            "warning",
        ),
    ]
}
MIGRATION = {
    "MigrationFailed production": [
        (job(PRODUCTION, "my-service-migration", "0x1430 1x10"), "warning"),
        (job(PRODUCTION, "backup", "1x1440"), ""),
    ]
}
ROLLING = {
    "ReleaseFailed staging": [
        (job(STAGING, "my-service-pre-traffic-check", "0x1430 1x10"), "warning"),
        ({}, ""),
        (progressing(STAGING, "0x1430 1x10"), "warning"),
    ]
}
ARGO = {
    "ReleaseFailed staging": [
        (events(STAGING, "RolloutAborted", "1x1430 2x10"), "warning"),
        (events(STAGING, "RolloutAborted", "_x1430 1x10"), "warning"),  # the first one that this controller counts
        (events(STAGING, "RolloutAborted", "3x1430 _x10"), ""),  # the controller restarted
        (events(STAGING, "RolloutAborted", minutes((DAY, 1)), "other"), ""),
        (events(STAGING, "RolloutUpdated", minutes((DAY, 1))), ""),
    ]
}


def together(*happens: dict[str, list[tuple[Series, str]]]) -> list[tuple[Series, set[tuple[str, ...]]]]:
    """Return cases that combine one entry of each list: changes, and what fires, as alert, namespace and severity."""
    lists = [
        [
            (changes, {(*subject.split(), severity) for severity in severities.split()})
            for changes, severities in entries
        ]
        for each in happens
        for subject, entries in each.items()
    ]
    rows = itertools.zip_longest(*lists, fillvalue=({}, set()))
    return [
        (
            {key: value for changes, _ in row for key, value in changes.items()},
            set().union(*(fires for _, fires in row)),
        )
        for row in rows
    ]


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize(
    ("strategy", "services", "cases"),
    [
        ("rolling", ["postgres"], together(HAPPENS, MIGRATION, ROLLING) + together(NO_TRAFFIC)),
        ("canary", [], together(ARGO)),
    ],
    ids=["rolling", "canary"],
)
def test_each_alert_fires_when_it_should_and_not_otherwise(render, tmp_path, strategy, services, cases):
    project = render(language="go", strategy=strategy, services=services)
    tested = {(alert, severity) for _, firing in cases for alert, _, severity in firing}
    alerts = {(rule["alert"], rule["labels"]["severity"]) for rule in rules(project) if "alert" in rule}
    assert tested == (alerts if services else {("ReleaseFailed", "warning")})
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups(project)}))
    tests = [unit_test(healthy() | changes, firing) for changes, firing in cases]
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "5m", "tests": tests}
    (tmp_path / "tests.yml").write_text(yaml.dump(document, Dumper=yaml.CSafeDumper))
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def unit_test(series: Series, firing: set[tuple[str, ...]]) -> dict:
    """Return a test for promtool: exactly these alerts fire after a day."""
    fire = [
        f'ALERTS{{alertname="{alert}",alertstate="firing",namespace="my-service-{environment}",severity="{severity}"}}'
        for alert, environment, severity in sorted(firing)
    ]
    return {
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'ALERTS{alertstate="firing"}',
                "eval_time": f"{DAY - 5}m",
                "exp_samples": [{"labels": labels, "value": 1} for labels in fire],
            }
        ],
    }


def test_the_alerts_of_the_strategies_differ_in_releases_only(render):
    of_strategies = [
        [
            rule
            for rule in rules(render(language="go", strategy=strategy, services=["postgres"]))
            if rule.get("alert") != "ReleaseFailed"
        ]
        for strategy in ("rolling", "blue-green", "canary")
    ]
    assert of_strategies[0] == of_strategies[1] == of_strategies[2]


# Every query returns data: a real Prometheus scrapes a running service


def unused_ports(count: int) -> list[int]:
    """Return ports on which nothing listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running(*command: str | Path, log: Path, **options: object) -> Iterator[None]:
    """Run a program until the end of the block."""
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output, **options) as process:
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def exporter(series: Iterable[str]) -> Iterator[int]:
    """Serve series as kube-state-metrics and Argo Rollouts do; yield the port."""
    text = "".join(f"{name} 1\n" for name in series).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def get(address: str, **headers: str) -> tuple[int, bytes]:
    """Return the status and the body of a response; status 0 without one."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, b""
    except OSError:
        return 0, b""


@pytest.fixture(scope="module")
def service(render, tmp_path_factory):
    """Start the service in Go without its database; yield its addresses.

    The other languages have the same metrics: test_images.py requests them.
    """
    project = render(language="go", services=["postgres"])
    folder = tmp_path_factory.mktemp("service")
    build = ["go", "build", "-C", project, "-o", folder / "server", "./cmd/server"]
    subprocess.run(build, check=True, timeout=300)
    port, metrics_port = unused_ports(2)
    environment = containers.environment(
        "go",
        ["postgres"],
        APP_ENV="development",
        PORT=str(port),
        METRICS_PORT=str(metrics_port),
        DATABASE_URL="postgres://app:password@127.0.0.1:1/app",
    )
    with running(folder / "server", log=folder / "log", env=environment, cwd=folder):
        address = f"http://127.0.0.1:{port}"
        containers.until(lambda: get(f"{address}/health")[0] == 200, 30, (folder / "log").read_text)
        yield address, f"127.0.0.1:{metrics_port}"


@pytest.mark.needs("prometheus", "go")
@pytest.mark.parametrize("strategy", ["rolling", "canary"])
def test_every_query_returns_data_of_a_running_service(render, service, tmp_path, strategy):
    project = render(language="go", strategy=strategy, services=["postgres"])
    address, metrics = service
    [port] = unused_ports(1)
    around = [name for name in healthy() if PRODUCTION in name and not name.startswith("http_")]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups(project)}))
    labels = {"namespace": PRODUCTION, "pod": "my-service-7f-a"}
    with exporter(around) as exporter_port:
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {"job_name": "my-service-metrics", "static_configs": [{"targets": [metrics], "labels": labels}]},
                {
                    "job_name": "kube-state-metrics",
                    "honor_labels": True,
                    "static_configs": [{"targets": [f"127.0.0.1:{exporter_port}"]}],
                },
            ],
        }
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        prometheus = f"http://127.0.0.1:{port}"

        def ask(path: str, **parameters: str) -> dict:
            body = get(f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")[1]
            return json.loads(body or "{}").get("data", {})

        def without_data(queries: set[str]) -> list[str]:
            return sorted(query for query in queries if not has_number(ask("query", query=query).get("result")))

        def alerts(state: str) -> set[str]:
            return {
                alert["labels"]["alertname"] for alert in ask("alerts").get("alerts", []) if alert["state"] == state
            }

        def send_requests() -> None:
            for _ in range(3):
                assert get(f"{address}/")[0] == 200
            assert get(f"{address}/api/v1/notes", Authorization=f"Bearer {token()}")[0] >= 500

        options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"]
        with running("prometheus", *options, log=tmp_path / "log", cwd=tmp_path):
            queries = of_dashboard(project) | of_rules(project)
            deadline = time.monotonic() + 60
            while (without := without_data(queries)) or "HighErrorRate" not in alerts("firing"):
                assert time.monotonic() < deadline, (without, alerts("firing"), (tmp_path / "log").read_text())
                send_requests()
                time.sleep(1)
            assert "NoTraffic" not in alerts("firing") | alerts("pending")
            evaluated = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
            assert len(evaluated) == len(rules(project))
            assert {rule["health"] for rule in evaluated} == {"ok"}


def has_number(result: list[dict] | None) -> bool:
    """Return whether the result of a query has a value other than NaN."""
    return any(sample["value"][1] != "NaN" for sample in result or [])


def of_dashboard(project: Path) -> set[str]:
    """Return the queries of the dashboard, with Grafana's variables replaced."""
    dashboard = json.loads((project / "deploy/components/dashboard/dashboard.json").read_text())
    expressions = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    [variable] = [entry for entry in dashboard["templating"]["list"] if entry["type"] == "query"]
    [series] = re.findall(r"label_values\((.+), namespace\)", variable["query"])
    assert variable["current"]["value"] == PRODUCTION
    replaced = {each.replace("$namespace", PRODUCTION).replace("$__rate_interval", "1m") for each in expressions}
    assert len(replaced) >= 8
    assert not [each for each in replaced if "$" in each]
    return replaced | {series}


def of_rules(project: Path) -> set[str]:
    """Return every selector in the expressions of the rules: an alert itself has no data while nothing is wrong."""
    expressions = " ".join(rule["expr"] for rule in rules(project))
    selectors = set(re.findall(r"\b[a-z_]+(?::[a-z_]+:\w+|\{.+?\})", expressions, re.DOTALL))
    assert len(selectors) >= 10
    return selectors
