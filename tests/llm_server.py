"""A small server that speaks the chat completions protocol, with faults on order, for tests of `describe`.

It listens on 127.0.0.1 only and answers from the descriptions that ship with `lst`.
"""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lst.text.descriptions import PARTS, ActionText, default_descriptions

MODEL = "test-model"
TEXTS = {action.name: action for action in default_descriptions("ntu120")}


def answer_of(action: ActionText) -> dict[str, Any]:
    """What a perfect model answers."""
    parts = {part: action.part(part) for part in PARTS}
    return {"synonyms": list(action.synonyms[1:]), "sentence": action.sentence, **parts}


class LlmServer(ThreadingHTTPServer):
    """What it answers is set before, what it was asked is read after."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.faults: dict[str, list[str]] = defaultdict(list)
        """By action: what happens to the first requests for it, in turn; afterwards all is well."""
        self.everywhere: str | None = None
        """A fault of every request."""
        self.texts: dict[str, list[str]] = {}
        """By action: answers in turn, the last one for ever, in place of the shipped description."""
        self.schemas = True
        self.seconds = 0.0
        """How long an answer takes."""
        self.pause_after: int | None = None
        """After so many requests the others wait until `go_on` is set."""
        self.go_on = threading.Event()
        self.too_long = 0.8
        """How long it does not answer when a time-out is on order."""
        self.asked: Counter[str] = Counter()
        """Requests by action, faults included."""
        self.answered: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.now = self.most_at_once = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed or did not wait is no error of the server."""

    def content(self, name: str) -> str:
        turns = self.texts.get(name)
        if turns:
            return turns.pop(0) if len(turns) > 1 else turns[0]
        return json.dumps(answer_of(TEXTS[name]))


class _Handler(BaseHTTPRequestHandler):
    server: LlmServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets; the second would wait 40 ms

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._send(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = body["messages"][1]["content"].splitlines()[0].removeprefix("Action: ")
        with server.lock:
            server.asked[name] += 1
            server.bodies.append(body)
            server.keys.add(self.headers["Authorization"])
            server.now += 1
            server.most_at_once = max(server.most_at_once, server.now)
            turns = server.faults[name]
            fault = server.everywhere or (turns.pop(0) if turns else "")
            waits = server.pause_after is not None and server.asked.total() > server.pause_after
        time.sleep(server.seconds)
        if waits:
            server.go_on.wait(60)
        try:
            self._answer(fault, name, body)
        finally:
            with server.lock:
                server.now -= 1

    def _answer(self, fault: str, name: str, body: dict[str, Any]) -> None:
        """Every error repeats the key, as careless servers do."""
        key = str(self.headers["Authorization"])
        content = self.server.content(name) if not fault else ""
        if not self.server.schemas and "response_format" in body:
            self._error(400, "this response_format is unavailable")
        elif body["model"] != MODEL:
            self._error(404, f"no model {body['model']!r} for {key}")
        elif fault.isdigit():
            self._error(int(fault), f"fault on order for {key}")
        elif fault == "quota":
            self._error(429, f"no money left on {key}", code="insufficient_quota")
        elif fault == "time-out":
            time.sleep(self.server.too_long)
            self.close_connection = True
        elif fault == "broken body":
            self._raw(200, b'{"id": "x", "choices": [{"message": {"content": "half of')
        elif fault == "dropped connection":
            self.connection.close()
            self.close_connection = True
        elif fault == "page":
            self._raw(200, b"<html>welcome</html>", kind="text/html")
        elif fault == "no choices":
            self._send(200, {"id": "x", "object": "chat.completion", "error": {"message": "upstream"}})
        elif fault == "nonsense":
            self._chat(f"I am sorry, I only talk about cooking. {key}")
        elif fault == "cut":
            self._chat(self.server.content(name)[:200], reason="length")
        elif fault == "wrong fields":
            fields = json.loads(self.server.content(name))
            self._chat(json.dumps({**fields, "hand": 3, "colour": "red"}))
        else:
            assert not fault, fault
            with self.server.lock:
                self.server.answered[name] += 1
            self._chat(content)

    def _chat(self, content: str, reason: str = "stop") -> None:
        message = {"role": "assistant", "content": content}
        choices = [{"index": 0, "message": message, "finish_reason": reason}]
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": f"{MODEL}-2026-11-01"}
        self._send(200, {**head, "choices": choices})

    def _error(self, status: int, message: str, code: str | None = None) -> None:
        self._send(status, {"error": {"message": message, "type": "test", "code": code}})

    def _send(self, status: int, values: dict[str, Any]) -> None:
        self._raw(status, json.dumps(values).encode())

    def _raw(self, status: int, data: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if status in (429, 500, 503):
            self.send_header("Retry-After", "0.02")
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def running() -> Iterator[LlmServer]:
    """The server, in a thread of its own, until the block ends."""
    with LlmServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
