"""A proxy in front of an S3 server that behaves as stores do on a bad day, or as stores that keep no promise.

What happens to a request depends on a seed, on the request, and on how often it came; not on the clock or on threads.
"""

import contextlib
import http.client
import random
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# What happens instead of an answer. The last three come after the store has done what it was asked to do.
SLOW_DOWN, ERROR, CUT, ERROR_AFTER, CUT_AFTER, CUT_BODY = FAULTS = (
    "503 SlowDown",
    "500",
    "cut before the store saw it",
    "500 after the store took it",
    "cut after the store took it",
    "cut in the middle of the answer",
)


@dataclass(frozen=True)
class Manner:
    """How a store behaves: which share of requests meets which fault, and how long each waits at most, in seconds."""

    seed: int = 0
    faults: tuple[tuple[str, float], ...] = ()
    latency: float = 0
    only: str = ""  # a text that the path of a request must have for a fault
    methods: tuple[str, ...] = ()  # none named: all
    forgets_conditions: bool = False  # puts are done whatever `If-None-Match` says
    refuses_conditions: bool = False  # a put with `If-None-Match` is answered with 501


GOOD = Manner()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault, wait = proxy.fate(self.command, self.path)
        time.sleep(wait)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        if "If-None-Match" in self.headers:
            if proxy.manner.refuses_conditions:
                return self.refuse(501, "NotImplemented")
            if proxy.manner.forgets_conditions:
                headers.pop("If-None-Match", None)
                headers.pop("if-none-match", None)
        if fault == SLOW_DOWN:
            return self.refuse(503, "SlowDown")
        if fault == ERROR:
            return self.refuse(500, "InternalError")
        if fault == CUT:
            return self.cut()
        store = http.client.HTTPConnection(*proxy.store, timeout=60)
        try:
            store.request(self.command, self.path, body, headers)
            answer = store.getresponse()
            content = answer.read()
        finally:
            store.close()
        if fault == ERROR_AFTER:
            return self.refuse(500, "InternalError")
        if fault == CUT_AFTER or (fault == CUT_BODY and not content):
            return self.cut()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ["connection", "transfer-encoding", "content-length", "date", "server"]:
                self.send_header(name, value)
        # Of an answer without a body it is the length of what is there.
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if fault == CUT_BODY:
            self.wfile.write(content[: len(content) // 2])
            return self.cut()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

    def refuse(self, status, code):
        text = b"" if self.command == "HEAD" else f"<Error><Code>{code}</Code><Message>not now</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def cut(self):
        self.close_connection = True
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that goes away, which a command that has failed does


class Proxy:
    """A server in front of a store, with a manner that may be changed, and a count of what it did."""

    def __init__(self, store):
        url = urlsplit(store.environment["AWS_ENDPOINT_URL"])
        self.store = (url.hostname, url.port)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.proxy = self
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.lock = threading.Lock()
        self.behave(GOOD)

    def behave(self, manner):
        with self.lock:
            self.manner, self.seen, self.did = manner, Counter(), Counter()

    def fate(self, method, path):
        """What happens to a request, and how long it waits."""
        manner = self.manner
        with self.lock:
            self.seen[method, path] += 1
            chance = random.Random(f"{manner.seed} {method} {path} {self.seen[method, path]}")
            wait, drawn, fault = chance.uniform(0, manner.latency), chance.random(), None
            if manner.only in path and (not manner.methods or method in manner.methods):
                for name, share in manner.faults:
                    if drawn < share:
                        fault = name
                        break
                    drawn -= share
            self.did[fault or "answered"] += 1
        return fault, wait


@contextlib.contextmanager
def in_front_of(store):
    """The proxy, and the store as it is seen through it."""
    proxy = Proxy(store)
    threading.Thread(target=proxy.server.serve_forever, daemon=True).start()
    try:
        yield proxy, replace(store, environment=store.environment | {"AWS_ENDPOINT_URL": proxy.endpoint})
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
