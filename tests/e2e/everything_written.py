"""Everything that the platform writes, one piece after another: files, rows, metrics, traces."""

import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

import httpx

from muniment.home import SERVICES
from muniment.processes import LOOPBACK
from tests.e2e.running_platform import RunningPlatform

CHUNK = 8_000_000
OVERLAP = 200
STORES = (*SERVICES, "keyring")


def files(folder: Path, *, without: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """Every file below the folder in pieces that overlap: logs, the databases' pages and journals, Kafka's segments."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or path.relative_to(folder).parts[0] in without:
            continue
        with path.open("rb") as content:
            before = b""
            while piece := content.read(CHUNK):
                yield str(path.relative_to(folder)), before + piece
                before = piece[-OVERLAP:]


async def dumps(platform: RunningPlatform, databases: tuple[str, ...]) -> AsyncIterator[tuple[str, bytes]]:
    """Every row of every table, as a dump has it: what lies compressed in the files is open here."""
    tables = """SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
                WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"""
    for database in databases:
        for table in await platform.rows(database, tables):
            lines = await platform.rows(database, f"SELECT t::text AS line FROM {table['name']} AS t")
            yield f"{database}.{table['name']}", "\n".join(row["line"] for row in lines).encode()


async def metrics(platform: RunningPlatform) -> AsyncIterator[tuple[str, bytes]]:
    """What each of the ten processes tells Prometheus."""
    async with httpx.AsyncClient(timeout=10) as client:
        for name, port in platform.report["facts"]["ports"].items():
            answer = await client.get(f"http://{LOOPBACK}:{port}/metrics")
            yield f"metrics of {name}", answer.raise_for_status().content


class Collector:
    """Takes the traces that services send (OTLP over HTTP) and keeps them as they came, unpacked."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                how = self.headers.get("content-encoding", "")
                collector.received.append(
                    gzip.decompress(body) if how == "gzip" else zlib.decompress(body) if how == "deflate" else body
                )
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
