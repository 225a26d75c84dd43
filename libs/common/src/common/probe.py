"""`python -m common.probe [PATH]`: asks this container's own process whether it is ready. Exit code 0 means yes.

For health checks in images that hold no curl; bare sockets, since it runs every few seconds on the same processor.
"""

import os
import socket
import sys

TIMEOUT_SECONDS = 4.0


def answers_ok(port: int, path: str = "/readyz") -> bool:
    """Whether the process on this port of the loopback interface answers 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as link:
            link.settimeout(TIMEOUT_SECONDS)
            link.sendall(request.encode())
            return link.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not answers_ok(int(os.environ.get("MUNIMENT_PORT", "8000")), *sys.argv[1:2]))
