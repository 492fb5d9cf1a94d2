"""A stand-in for Railway's edge: a proxy on 127.0.0.1 whose servers learn of a new deployment one after another."""

import asyncio
import threading
import time
from dataclasses import dataclass, field

MOST_REQUESTS = 100_000
SERVERS = 4


@dataclass
class Server:
    """One of the edge's servers: where it sends requests, since when, and its idle connections to there."""

    port: int
    next: tuple[float, int] | None = None
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    def target(self) -> int:
        """Return the port that requests go to now; connections to another one are given up."""
        if self.next and time.monotonic() >= self.next[0]:
            self.port, self.next = self.next[1], None
            while self.idle:
                self.idle.pop()[1].close()
        return self.port


class Edge:
    """A proxy for GET requests that repeats none of them, from entering to leaving a `with` block.

    Arguments:
        port: the port of the first deployment, on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.servers = [Server(port) for _ in range(SERVERS)]
        self.requests = 0
        self.sent_to: dict[int, int] = {}
        self._connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Edge":
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def switch(self, port: int, seconds: float) -> None:
        """Send requests to another deployment: the first server at once, the last one after so many seconds."""
        now = time.monotonic()
        for number, server in enumerate(self.servers):
            server.next = (now + seconds * number / (SERVERS - 1), port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = self.servers[self._connections % SERVERS]
        self._connections += 1
        try:
            while self.requests < MOST_REQUESTS:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                try:
                    answer = await asyncio.wait_for(self._forward(server, head), 10)
                except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                    body = type(error).__name__.encode()
                    answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                writer.write(answer)
                await writer.drain()
                if b"\r\nconnection: close" in head.lower():
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async def _forward(self, server: Server, head: bytes) -> bytes:
        port = server.target()
        self.sent_to[port] = self.sent_to.get(port, 0) + 1
        upstream = server.idle.pop() if server.idle else await asyncio.open_connection("127.0.0.1", port)
        reader, writer = upstream
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        writer.write(b"\r\n".join(lines))
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        fields = answer.lower()
        length = int(fields.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if b"\r\nconnection: close" in fields or server.port != port:
            writer.close()
        else:
            server.idle.append(upstream)
        kept = [line for line in answer.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        return b"\r\n".join(kept) + body
