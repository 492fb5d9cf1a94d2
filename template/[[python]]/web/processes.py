"""Figures of the service's processes, which prometheus_client itself gives for a single one only."""

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

ADDED_UP = {
    "process_cpu_seconds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
}


class ProcessesCollector(Collector):
    """The process_* metrics: of the server and its workers together, the start of the server."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Take part in what a registry shows."""
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; none where the system has no /proc."""
        server = os.getppid()
        totals = {metric.name: metric for metric in figures(server)}
        for worker in children(server):
            for metric in figures(worker):
                if metric.name in ADDED_UP and metric.name in totals:
                    total = totals[metric.name]
                    value = total.samples[0].value + metric.samples[0].value
                    total.samples[0] = total.samples[0]._replace(value=value)
        yield from totals.values()


def figures(process: int) -> list[Metric]:
    """Return the metrics of one process, none where it has ended."""
    return list(ProcessCollector(pid=lambda: process, registry=None).collect())


def children(process: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    return [int(number) for number in text.split()]
