import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest


class Answering(http.server.BaseHTTPRequestHandler):
    """Ready or not by the path."""

    def do_GET(self) -> None:
        self.send_response({"/readyz": 200, "/livez": 200}.get(self.path, 503))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def probe(port: int, *path: str) -> int:
    environment = {**os.environ, "MUNIMENT_PORT": str(port)}
    return subprocess.run([sys.executable, "-m", "common.probe", *path], check=False, env=environment).returncode


def test_probe_tells_ready_from_not_ready(port: int) -> None:
    assert probe(port) == 0
    assert probe(port, "/livez") == 0
    assert probe(port, "/unready") == 1


def test_probe_says_no_where_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert probe(taken.getsockname()[1]) == 1
