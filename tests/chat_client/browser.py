"""A headless Chromium, spoken to by its DevTools protocol."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from muniment.errors import PlainError
from muniment.processes import find_program, tie_to_parent

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_SECONDS = 60
CALL_SECONDS = 60
ARGUMENTS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "about:blank",
)


class ScriptError(Exception):
    """A script in a page threw; the text is what it threw."""


class Browser:
    """One browser; each page has a context of its own, so that nothing is shared between them."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        self._number = 0

    async def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer.

        Raises:
            ScriptError: the browser says no.
        """
        self._number += 1
        number = self._number
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._connection.send(json.dumps(message | ({"sessionId": session} if session else {})))
        answer = await asyncio.wait_for(future, CALL_SECONDS)
        if "error" in answer:
            raise ScriptError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    async def read(self) -> None:
        async for raw in self._connection:
            message = json.loads(raw)
            if "id" in message:
                future = self._answers.pop(message["id"])
                if not future.done():
                    future.set_result(message)
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].happened(message["method"], message["params"])

    @asynccontextmanager
    async def page(self, url: str) -> AsyncIterator["Page"]:
        """A page of its own at this address, once it has loaded."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = (await self.call("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self._pages[session] = Page(self, session)
        try:
            for domain in ("Page", "Runtime", "Network"):
                await page.call(f"{domain}.enable")
            await page.go(url)
            yield page
        finally:
            del self._pages[session]
            await self.call("Target.disposeBrowserContext", browserContextId=context)


class Page:
    """Attributes:
    said: what the page wrote to the console, and what it threw without anybody catching it.
    requested: the addresses that it asked for.
    """

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self._loaded = asyncio.Event()
        self.said: list[str] = []
        self.requested: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._browser.call(method, self._session, **parameters)

    def happened(self, method: str, facts: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(one.get("value", one.get("description"))) for one in facts["args"]))
        elif method == "Runtime.exceptionThrown":
            details = facts["exceptionDetails"]
            self.said.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Network.requestWillBeSent":
            self.requested.append(facts["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requested.append(facts["url"])

    async def go(self, url: str) -> None:
        """Load this address, as a reload does where it is the same."""
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), CALL_SECONDS)

    async def run(self, script: str) -> Any:
        """The value of an expression; a promise's once it is settled.

        Raises:
            ScriptError: it throws.
        """
        answer = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if details := answer.get("exceptionDetails"):
            raise ScriptError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def until(self, script: str, seconds: float = 30) -> None:
        """Wait until an expression holds."""
        await self.run(
            f"new Promise((done, failed) => {{ const end = performance.now() + {seconds * 1000}; const look = () => {{"
            f"if ({script}) done(true); else if (performance.now() > end) failed(new Error({json.dumps('never: ' + script)}));"
            f"else setTimeout(look, 10); }}; look(); }})"
        )

    async def freeze(self) -> None:
        """The page sleeps: no script of it runs until `thaw`."""
        await self.call("Page.setWebLifecycleState", state="frozen")

    async def thaw(self) -> None:
        await self.call("Page.setWebLifecycleState", state="active")

    async def go_offline(self, *, offline: bool) -> None:
        await self.call(
            "Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A browser for as long as the block lasts.

    Raises:
        PlainError: there is none on this machine.
    """
    program = next((found for name in NAMES if (found := find_program(name))), None)
    if program is None:
        raise PlainError(f"the browser tests need Chromium: install it (looked for {', '.join(NAMES)}).")
    profile = Path(tempfile.mkdtemp(prefix="muniment-test-browser-"))
    # Chromium's own sandbox refuses to run as root; what it loads here are pages of these tests.
    extra = ["--no-sandbox"] if os.geteuid() == 0 else []
    process = await asyncio.create_subprocess_exec(
        str(program),
        f"--user-data-dir={profile}",
        *extra,
        *ARGUMENTS,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=tie_to_parent(signal.SIGKILL),
        process_group=0,
    )
    try:
        async with connect(await _address(profile, process), compression=None, max_size=None) as connection:
            browser = Browser(connection)
            reading = asyncio.create_task(browser.read())
            try:
                yield browser
            finally:
                reading.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await _forget(profile)


async def _forget(profile: Path) -> None:
    """Its helpers may write until they have quite left."""
    for _ in range(20):
        with contextlib.suppress(OSError):
            shutil.rmtree(profile)
            return
        await asyncio.sleep(0.1)


async def _address(profile: Path, process: asyncio.subprocess.Process) -> str:
    """Where the browser listens: it writes port and path into its profile."""
    told = profile / "DevToolsActivePort"
    async with asyncio.timeout(START_SECONDS):
        while not (told.is_file() and len(lines := told.read_text().splitlines()) == 2):
            if process.returncode is not None:
                raise PlainError(f"Chromium ended at once (status {process.returncode}).")
            await asyncio.sleep(0.05)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
