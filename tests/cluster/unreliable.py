"""A way to the API server that sometimes fails, as while an API server or a load balancer before it restarts."""

import contextlib
import json
import socket
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path


class Proxy(socketserver.ThreadingTCPServer):
    """Forwards connections to an address; from `fail` on it closes every third one at once."""

    daemon_threads = True
    failing = False
    connections = 0
    failed = 0

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        self.server.connections += 1
        if self.server.failing and self.server.connections % 3 == 0:
            self.server.failed += 1
            return
        with socket.create_connection(self.server.target) as target:
            back = threading.Thread(target=copy, args=(target, self.request), daemon=True)
            back.start()
            copy(self.request, target)
            back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    """Send on what arrives until either side closes."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def unreliable(kubeconfig: Path) -> Iterator[tuple[Proxy, Path]]:
    """Return a proxy of a configuration's API server, and a configuration that leads through it."""
    config = json.loads(kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    address = urllib.parse.urlsplit(cluster["server"])
    with Proxy((address.hostname, address.port or 443)) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        cluster["server"] = f"https://127.0.0.1:{proxy.server_address[1]}"
        cluster["tls-server-name"] = address.hostname
        through = kubeconfig.with_name("unreliable.json")
        through.write_text(json.dumps(config))
        yield proxy, through
        proxy.shutdown()
