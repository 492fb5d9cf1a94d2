"""Metrics of all processes of the service; prometheus_client's own cover only one."""

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

SUMMED = {
    "process_cpu_seconds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
}


class ProcessesCollector(Collector):
    """The process_* metrics: the sum of server and workers, and the start time of the server."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Add the collector to a registry."""
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; none without /proc."""
        server = os.getppid()
        totals = {metric.name: metric for metric in process_metrics(server)}
        for worker in children(server):
            for metric in process_metrics(worker):
                if metric.name in SUMMED and metric.name in totals:
                    total = totals[metric.name]
                    value = total.samples[0].value + metric.samples[0].value
                    total.samples[0] = total.samples[0]._replace(value=value)
        yield from totals.values()


def process_metrics(process: int) -> list[Metric]:
    """Return the metrics of a process; none if it exited."""
    return list(ProcessCollector(pid=lambda: process, registry=None).collect())


def children(process: int) -> list[int]:
    """Return the running child processes of a process."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    return [int(number) for number in text.split()]
