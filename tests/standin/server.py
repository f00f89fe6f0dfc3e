"""A stand-in for the Hugging Face hub that the real clients talk to over HTTP, with faults at will and a log of requests."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote

from tests.standin.answers import Answer, Question, Site, answer, storage_answer
from tests.standin.content import Repository

Host = Literal["hub", "storage"]
"""The hub itself, or the host that its large files are redirected to."""


def _matches(match: str, line: str) -> bool:
    """Whether a substring, or else a regular expression, is found in a request line as sent or with its quoting undone."""
    return any(match in form or re.search(match, form) for form in (line, unquote(line)))


@dataclass(frozen=True)
class Request:
    """A request that was answered.

    path: with its query, as sent. status: 0 if the connection was closed instead. sent: bytes of the body that were sent.
    part: the header `Range`. authorized: whether a token came along.
    """

    host: Host
    method: str
    path: str
    status: int
    sent: int
    part: str | None = None
    authorized: bool = False

    @property
    def line(self) -> str:
        """What rules and counts are matched with: `METHOD path`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with requests of either host whose `METHOD path` holds `match`, a substring or a regular expression.

    status: answered with it, `headers` and `body`; None: answered as always. close: the connection is closed without an
    answer. truncate: it is closed after so many bytes of the body. delay: seconds before anything is sent.
    skip: so many matching requests are spared first. times: so many are hit; None: all.
    Raises re.error if `match` is no regular expression.
    """

    match: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    close: bool = False
    truncate: int | None = None
    delay: float = 0.0
    skip: int = 0
    times: int | None = 1

    def __post_init__(self) -> None:
        re.compile(self.match)

    def answer(self) -> Answer | None:
        """The answer that replaces the real one; None: the real one is sent."""
        return None if self.status is None else Answer(self.status, self.headers, self.body)

    def due(self, seen: int) -> bool:
        """Whether the fault applies to the next matching request. seen: matching requests so far."""
        return seen >= self.skip and (self.times is None or seen < self.skip + self.times)


class Faults:
    """Active faults. Each counts its matching requests; the first fault that is due is applied."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[tuple[Fault, int]] = []

    def add(self, *faults: Fault) -> None:
        """Activates faults, with counts of zero."""
        with self._lock:
            self._seen += [(fault, 0) for fault in faults]

    def remove(self, fault: Fault) -> None:
        """Deactivates a fault. Raises ValueError if it is not active."""
        with self._lock:
            if all(rule != fault for rule, _ in self._seen):
                raise ValueError(f"not in force: {fault}")
            self._seen = [(rule, seen) for rule, seen in self._seen if rule != fault]

    def clear(self) -> None:
        """Deactivates all faults."""
        with self._lock:
            self._seen = []

    def next(self, line: str) -> Fault | None:
        """Counts a request; returns the fault to apply to it, if any."""
        with self._lock:
            hit = [_matches(fault.match, line) for fault, _ in self._seen]
            due = [fault for (fault, seen), here in zip(self._seen, hit, strict=True) if here and fault.due(seen)]
            self._seen = [(fault, seen + here) for (fault, seen), here in zip(self._seen, hit, strict=True)]
        return due[0] if due else None


class Log(Sequence[Request]):
    """All requests since the last `clear`, in the order in which they were answered."""

    def __init__(self) -> None:
        self._requests: list[Request] = []

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, place: Any) -> Any:
        return self._requests[place]

    def append(self, request: Request) -> None:
        """Adds a request; thread-safe."""
        self._requests.append(request)

    def clear(self) -> None:
        """Removes all requests."""
        self._requests = []

    def matching(self, match: str = "") -> list[Request]:
        """The requests whose `METHOD path` holds a substring or a regular expression."""
        return [request for request in tuple(self._requests) if _matches(match, request.line)]

    def count(self, match: str = "") -> int:
        """How many they are."""
        return len(self.matching(match))

    def lines(self) -> list[str]:
        """All requests in short: `METHOD path -> status`."""
        return [f"{request.line} -> {request.status}" for request in tuple(self._requests)]


class _Handler(BaseHTTPRequestHandler):
    """HTTP handler around the pure functions of `answers`."""

    server: "_Server"
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: in two, the second waits forty milliseconds for the first to be acknowledged.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Question(self.command, self.path, headers, self.rfile.read(int(headers.get("content-length", "0"))))
        fault = self.server.hub.faults.next(f"{asked.method} {asked.target}")
        if fault:
            time.sleep(fault.delay)
        if fault and fault.close:
            self._note(asked, 0, 0)
            self.close_connection = True
            return
        reply = (fault and fault.answer()) or self.server.answer(asked)
        whole = b"" if asked.method == "HEAD" else reply.body
        body = whole if fault is None or fault.truncate is None else whole[: fault.truncate]
        # Logged before sending, so that a client with the answer finds its request in the log.
        self._note(asked, reply.status, len(body))
        self._send(reply, body)
        self.close_connection = self.close_connection or len(body) < len(whole)

    do_HEAD = do_POST = do_GET

    def _note(self, asked: Question, status: int, sent: int) -> None:
        part, authorized = asked.headers.get("range"), asked.token is not None
        request = Request(self.server.host, asked.method, asked.target, status, sent, part, authorized)
        self.server.hub.requests.append(request)

    def _send(self, reply: Answer, body: bytes) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Disabled: `Log` records the requests."""


class _Server(ThreadingHTTPServer):
    """One of the two hosts, listening on the loopback interface."""

    daemon_threads = True
    # The clients' threads send requests concurrently.
    request_queue_size = 128

    def __init__(self, hub: "StandIn", host: Host, port: int, answer: Callable[[Question], Answer]) -> None:
        self.hub, self.host, self.answer = hub, host, answer
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True, name=f"stand-in {host}")
        self._thread.start()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignored: clients may disconnect at any time."""

    def end(self) -> None:
        """Stops listening, and closes the keep-alive connections of clients."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in tuple(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster


class StandIn:
    """A stand-in hub. As a context manager it listens while the context is open.

    repositories: what it holds at first. large: a file of more bytes is redirected to the other host. page: entries of a
    listing that are sent at once. tokens: whoever sends one of them has access to gated and private repositories.
    port: of the hub; 0: any that is free.
    """

    def __init__(
        self,
        repositories: Iterable[Repository] = (),
        *,
        large: int = 1000,
        page: int = 1000,
        tokens: Iterable[str] = (),
        port: int = 0,
    ) -> None:
        self.requests, self.faults = Log(), Faults()
        self._repositories: dict[tuple[str, str], Repository] = {}
        self._large, self._page, self._tokens = large, page, frozenset(tokens)
        self._ports: dict[Host, int] = {"hub": port, "storage": 0}
        self._servers: list[_Server] = []
        self.publish(*repositories)

    @property
    def url(self) -> str:
        """Address of the hub, the value of HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._ports['hub']}"

    @property
    def storage_url(self) -> str:
        """Address of the host with the large files."""
        return f"http://localhost:{self._ports['storage']}"

    def __iter__(self) -> Iterator[Repository]:
        return iter(tuple(self._repositories.values()))

    def __getitem__(self, name: str) -> Repository:
        """The repository of that id. Raises KeyError if there is none."""
        for repository in self:
            if repository.id == name:
                return repository
        raise KeyError(name)

    def publish(self, *repositories: Repository) -> None:
        """Adds repositories; replaces those with the same id."""
        self._repositories |= {(repository.kind, repository.id): repository for repository in repositories}

    def withdraw(self, name: str) -> None:
        """Removes a repository. Raises KeyError if there is none with that id."""
        repository = self[name]
        del self._repositories[repository.kind, repository.id]

    def start(self) -> None:
        """Starts listening, after `stop` on the same ports. Raises OSError if a port is taken."""
        if self._servers:
            return
        answers: dict[Host, Callable[[Question], Answer]] = {
            "hub": lambda asked: answer(self._site(), asked),
            "storage": lambda asked: storage_answer(self._site(), asked),
        }
        for host, answering in answers.items():
            server = _Server(self, host, self._ports[host], answering)
            self._ports[host] = server.server_address[1]
            self._servers.append(server)

    def stop(self) -> None:
        """Stops like a machine that is switched off: closes open connections and refuses new ones."""
        while self._servers:
            self._servers.pop().end()

    def __enter__(self) -> "StandIn":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _site(self) -> Site:
        return Site(dict(self._repositories), self.url, self.storage_url, self._large, self._page, self._tokens)
