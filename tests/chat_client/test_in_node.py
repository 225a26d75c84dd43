"""The client's own tests, in Node; and what its files have to be."""

import asyncio
import json
import re

import pytest

from common.contracts.chat import EMPTY_DIGEST, canonical, commitment_to, covered, running_digest
from muniment import client_types
from tests.chat_client.conftest import SOURCE, Built, Gateway


def test_its_own_tests_pass(built: Built) -> None:
    compiled = built.run("node_modules/typescript/bin/tsc", "-p", "tsconfig.test.json")
    assert compiled.returncode == 0, compiled.stdout
    tested = built.run("--test", "build/test/")
    assert tested.returncode == 0, "\n".join(
        re.findall(r"^not ok.*?^  \.\.\.", tested.stdout, re.DOTALL | re.MULTILINE)
    )
    passed = re.search(r"^# pass (\d+)$", tested.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 20


async def test_it_talks_where_there_is_no_websocket(built: Built, gateway: Gateway) -> None:
    """Node 18 and 20 have none."""
    script = f"""
        import {{ ChatClient }} from "./dist/index.js";
        delete globalThis.WebSocket;
        const chat = new ChatClient({{ url: "http://127.0.0.1:{gateway.port}", token: "{gateway.issuer.mint("customer")}" }});
        const acknowledged = await chat.connect();
        const seqs = [];
        const session = await chat.open({{ topic: "retirement", acknowledged, onEntry: (one) => seqs.push(one.entry.seq) }});
        await Promise.all(["one", "two", "three"].map((text) => session.send(text)));
        const closed = await session.close();
        chat.close();
        console.log(JSON.stringify([chat.transport, seqs, closed.seq]));
    """
    (built.folder / "talk.mjs").write_text(script)
    done = await asyncio.to_thread(built.run, "talk.mjs")
    assert json.loads(done.stdout or "null") == ["sse", [1, 2, 3, 4, 5], 5], done.stderr


def test_its_vectors_are_those_of_the_platform() -> None:
    digest = EMPTY_DIGEST
    for entry in json.loads((SOURCE / "test/vectors.json").read_text()):
        digest = running_digest(digest, covered(entry))
        assert entry["digest"] == digest
        if "pii" in entry:
            assert entry["commitment"] == commitment_to(canonical(entry["pii"]))


def test_its_lock_has_hashes_and_no_addresses() -> None:
    text = (SOURCE / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)
    assert {entry["license"] for entry in packages.values()} <= {"Apache-2.0", "MIT"}


def test_nothing_comes_with_it(built: Built) -> None:
    """No dependency at run time, no word to a log, no storage of the browser's."""
    assert "dependencies" not in json.loads((SOURCE / "package.json").read_text())
    for path in built.dist.rglob("*.js"):
        text = path.read_text()
        assert not re.search(r"console\.|localStorage|sessionStorage|indexedDB|document\.cookie|\beval\(", text), path
        assert all(name.startswith(".") for name in re.findall(r'from "([^"]+)"', text)), path


def test_its_types_are_those_of_the_frames() -> None:
    text = (SOURCE / "src/protocol.ts").read_text()
    assert text == client_types.render()
    assert '| EntryOf<"message", MessagePosted>' in text
    assert re.search(r"interface EmployeePii \{[^}]*\n  pin\?: string;", text), "it is withheld from the public"
    assert re.search(r"interface Ack \{[^}]*\n  seq: number;", text)


def test_a_schema_without_a_type_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="no TypeScript for the schema"):
        client_types._type({"not": {}, "title": "x"})
