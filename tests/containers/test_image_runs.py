"""The images are really built and the five services really run from them: no root, nothing to write, real engines.

What they are given is what docker-compose.yml gives them; only the engines' addresses differ, since the containers share
this machine's network here.
"""

import contextlib
import http.client
import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from common.clock import SystemClock
from common.testing import Issuer
from muniment.errors import PlainError
from muniment.home import Home
from muniment.processes import LOOPBACK, Ready, free_port, is_ready
from production.schemas import ActionReport
from tests.containers.builder import Builder
from tests.containers.compose import COMPOSE, CONTAINERS, SERVICES, environment, folders, read_dotenv
from tests.containers.compose_engines import Cache, Databases, EventLog
from tests.plugins.engines import do_without

pytestmark = [pytest.mark.containers, pytest.mark.slow, pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(900)]

PROCESSES = tuple(f"{service}{suffix}" for service in SERVICES for suffix in ("", "-worker"))
READY_SECONDS = 90
STOP_SECONDS = 30  # the compose file's stop_grace_period
KEYS = "/run/muniment/jwks.json"

LOOKS = """
import importlib.util, json, os, shutil
def refused(folder):
    try:
        open(folder + "/probe", "w").close()
    except OSError as error:
        return type(error).__name__ + str(error.errno)
    return ""
packages = ("chat_gateway", "transcripts", "production", "disclosure", "retention", "muniment", "pytest", "uv", "pip")
print(json.dumps({
    "uid": os.getuid(),
    "unwritable": {folder: refused(folder) for folder in ("", "/etc", "/opt/muniment", "/opt/muniment/src", "/var/tmp")},
    "tmp": refused("/tmp"),
    "packages": [name for name in packages if importlib.util.find_spec(name)],
    "tools": [name for name in ("uv", "gcc", "cc", "make", "pip", "curl") if shutil.which(name)],
    "root_processes": [pid for pid in os.listdir("/proc") if pid == "1" and os.stat("/proc/1").st_uid == 0],
}))
"""


class Provider(Issuer):
    """An identity provider that is not the development issuer."""

    name = "https://login.agency.example"


@dataclass
class Platform:
    """The containers of docker-compose.yml, run one by one with Podman."""

    builder: Builder
    dotenv: dict[str, str]
    addresses: dict[str, str]
    provider: Provider
    folder: Path
    images: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)
    run_id: str = field(default_factory=lambda: secrets.token_hex(4))

    def name(self, process: str) -> str:
        return f"muniment-{self.run_id}-{process}"

    def log(self, process: str) -> str:
        return (self.folder / f"{process}.log").read_text(errors="replace")

    def start(self, process: str) -> "subprocess.Popen[bytes]":
        container = CONTAINERS[process]
        image = container["image"].partition(":")[0].removeprefix("muniment/")
        port = self.ports[process] = free_port()
        given = environment(process, self.dotenv) | {"MUNIMENT_HOST": LOOPBACK, "MUNIMENT_PORT": str(port)}
        for there, here in self.addresses.items():
            given = {name: value.replace(there, here) for name, value in given.items()}
        options = ["-v", f"{self.provider.jwks}:{KEYS}:ro"]
        for secret in container.get("secrets", []):
            options += ["-v", f"{self.folder / COMPOSE['secrets'][secret]['file']}:/run/secrets/{secret}:ro"]
        for there, folder in folders(process, self.dotenv).items():
            options += ["-v", f"{folder}:{there}:ro"]
        with (self.folder / f"{process}.log").open("ab") as output:
            self.running[process] = self.builder.run(
                self.images[image],
                *container["command"],
                name=self.name(process),
                environment=given,
                options=options,
                output=output,
            )
        return self.running[process]

    def run_to_its_end(self, process: str) -> None:
        code = self.start(process).wait(READY_SECONDS)
        del self.running[process]
        assert code == 0, self.log(process)

    def wait_ready(self, process: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready(Ready("http", self.ports[process], "/readyz")):
            assert self.running[process].poll() is None, self.log(process)
            assert time.monotonic() < deadline, self.log(process)
            time.sleep(0.2)

    def stop(self, process: str) -> tuple[int, float]:
        """Its exit code and how long it took."""
        began = time.monotonic()
        self.builder.stop(self.name(process), STOP_SECONDS)
        return self.running.pop(process).wait(STOP_SECONDS), time.monotonic() - began

    def ask(self, service: str, path: str, *roles: str, body: object = None) -> tuple[int, str]:
        """Ask a service's API, as a caller with these roles or as nobody; with a body it is a POST."""
        headers = self.provider.headers(*roles) if roles else {}
        with contextlib.closing(http.client.HTTPConnection(LOOPBACK, self.ports[service], timeout=10)) as link:
            if body is None:
                link.request("GET", path, headers=headers)
            else:
                headers |= {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8)}
                link.request("POST", path, json.dumps(body), headers)
            answer = link.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture(scope="session")
def builder(request: pytest.FixtureRequest) -> Builder:
    try:
        made = Builder()
        made.make_base()
    except PlainError as reason:
        do_without(request, "a builder of images", str(reason))
    return made


@pytest.fixture(scope="session")
def images(builder: Builder) -> dict[str, str]:
    builder.forget_old()
    made = {service: builder.build(service) for service in SERVICES}
    return made | {"operator": builder.build("operator", MEMBER="deploy/local")}


@pytest.fixture(scope="session")
def addresses(databases_made: Databases, event_log: EventLog, cache: Cache) -> dict[str, str]:
    """Where the engines of the compose file are found here."""
    return {
        "postgres:5432": f"{LOOPBACK}:{databases_made.port}",
        "kafka:9092": event_log.address,
        "redis:6379": f"{LOOPBACK}:{cache.port}",
        "collector:4318": f"{LOOPBACK}:{free_port()}",  # nobody listens: the platform runs without telemetry
    }


@pytest.fixture(scope="session")
def platform(
    images: dict[str, str], builder: Builder, home: Home, dotenv_folder: Path, addresses: dict[str, str]
) -> Iterator[Platform]:
    provider = Provider(home.path, SystemClock())
    settings = read_dotenv(dotenv_folder) | {"MUNIMENT_ISSUER": provider.name, "MUNIMENT_JWKS": KEYS}
    run = Platform(builder, settings, addresses, provider, dotenv_folder, images)
    try:
        run.run_to_its_end("topics")
        run.run_to_its_end("keyring")
        for service in SERVICES:
            run.run_to_its_end(f"{service}-migrate")
        for process in PROCESSES:
            run.start(process)
        for process in PROCESSES:
            run.wait_ready(process)
        yield run
    finally:
        for process in list(run.running):
            run.stop(process)


@pytest.mark.parametrize("process", PROCESSES)
def test_container_has_no_rights_and_nothing_to_write(platform: Platform, process: str) -> None:
    looked = platform.builder.inside(platform.name(process), "python", "-c", LOOKS)
    assert looked.returncode == 0, looked.stderr
    seen = json.loads(looked.stdout)
    assert seen["uid"] == 10001
    assert seen["root_processes"] == []
    assert set(seen["unwritable"].values()) <= {"OSError30", "PermissionError13"}
    assert seen["unwritable"][""] == "OSError30"  # the file system itself is read-only
    assert seen["tmp"] == ""


@pytest.mark.parametrize("service", SERVICES)
def test_image_holds_its_own_service_and_nothing_to_build_with(platform: Platform, service: str) -> None:
    looked = platform.builder.inside(platform.name(service), "python", "-c", LOOKS)
    seen = json.loads(looked.stdout)
    assert seen["packages"] == [service.replace("-", "_")]
    assert seen["tools"] == []


@pytest.mark.parametrize("process", PROCESSES)
def test_health_check_of_the_image_says_ready(platform: Platform, process: str) -> None:
    check = CONTAINERS[process]["healthcheck"]["test"][1:]
    assert platform.builder.inside(platform.name(process), *check).returncode == 0


@pytest.mark.parametrize(
    ("service", "path", "role"),
    [
        ("chat-gateway", "/v1/queue", "agent"),
        ("transcripts", "/v1/me/transcripts", "customer"),
        ("production", "/v1/reports/daily/me", "agent"),
        ("disclosure", "/v1/routine-uses", "privacy_officer"),
        ("retention", "/v1/records", "records_officer"),
    ],
)
def test_service_answers_those_whom_the_provider_vouches_for(
    platform: Platform, service: str, path: str, role: str
) -> None:
    status, body = platform.ask(service, path, role)
    assert status == 200, body
    assert platform.ask(service, path)[0] == 401


def test_disclosure_signs_with_the_key_that_was_mounted(platform: Platform) -> None:
    status, body = platform.ask("disclosure", "/v1/keys")
    assert status == 200
    keys = json.loads(body)["keys"]
    assert len(keys) == 1
    assert "d" not in keys[0]


def test_what_one_service_takes_another_registers_through_kafka(platform: Platform) -> None:
    report = ActionReport.model_json_schema()["examples"][0]
    status, answer = platform.ask("production", "/v1/actions", "case_system", body=report)
    assert status == 201, answer
    deadline = time.monotonic() + 30
    while report["action_id"] not in (body := platform.ask("retention", "/v1/records", "records_officer")[1]):
        assert time.monotonic() < deadline, (body, platform.log("production-worker"), platform.log("retention-worker"))
        time.sleep(0.2)
    assert "UNSCHEDULED" in body


@pytest.mark.parametrize("process", PROCESSES)
def test_log_holds_no_password(platform: Platform, process: str) -> None:
    secret = [value for name, value in platform.dotenv.items() if name.endswith(("_PASSWORD", "_KEY"))]
    assert not [word for word in secret if word in platform.log(process)]


def test_telling_a_container_to_stop_ends_it_in_order(platform: Platform) -> None:
    for process in PROCESSES:
        code, seconds = platform.stop(process)
        assert code == 0, (process, platform.log(process)[-2000:])
        assert seconds < STOP_SECONDS, process
