"""docker-compose.yml obeys the Compose specification and the platform's own rules of running."""

import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
import yaml

from common.contracts.topics import TOPICS
from tests.containers.compose import COMPOSE, CONTAINERS, FILE, ROOT, SERVICES, TEXT

ENDS = {"topics", "keyring", *(f"{service}-migrate" for service in SERVICES)}
CANNOT_LOOK_AT_ITSELF = {"collector"}  # its image holds one program and no shell
PRINCIPALS = {name for topic in TOPICS for name in (*topic.owners, *topic.readers)}

each_container = pytest.mark.parametrize("name", CONTAINERS)
each_service = pytest.mark.parametrize("service", SERVICES)


def test_file_obeys_the_compose_specification() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@each_service
def test_service_runs_as_api_and_worker_after_its_migration(service: str) -> None:
    migrate, api, worker = (CONTAINERS[f"{service}{suffix}"] for suffix in ("-migrate", "", "-worker"))
    assert (migrate["command"], api["command"], worker["command"]) == (["migrate"], ["api"], ["worker"])
    assert {one["image"] for one in (migrate, api, worker)} == {f"muniment/{service}:${{MUNIMENT_VERSION:-dev}}"}
    assert migrate["build"]["args"]["SERVICE"] == service
    migrated = {"condition": "service_completed_successfully"}
    assert api["depends_on"][f"{service}-migrate"] == migrated
    assert worker["depends_on"][f"{service}-migrate"] == migrated
    assert worker["depends_on"]["topics"] == migrated


@each_service
def test_service_has_its_own_role_and_principal(service: str) -> None:
    package = service.replace("-", "_")
    for name in (service, f"{service}-worker"):
        environment = CONTAINERS[name]["environment"]
        assert _is_url(environment["MUNIMENT_DATABASE_URL"], package, package)
        assert environment["MUNIMENT_KAFKA_USERNAME"] == package
        assert environment["MUNIMENT_KAFKA_PASSWORD"].startswith(f"${{KAFKA_{package.upper()}_PASSWORD:?")


def _is_url(url: str, role: str, database: str) -> bool:
    password = rf"\$\{{POSTGRES_{role.upper()}_PASSWORD:\?[^}}]+\}}"
    return re.fullmatch(rf"postgresql://{role}:{password}@postgres:5432/{database}", url) is not None


@each_service
def test_migration_alone_has_the_role_that_owns_the_database(service: str) -> None:
    package = service.replace("-", "_")
    environment = CONTAINERS[f"{service}-migrate"]["environment"]
    assert set(environment) == {"MUNIMENT_DATABASE_URL"}
    assert _is_url(environment["MUNIMENT_DATABASE_URL"], f"{package}_owner", package)
    holders = {name for name, one in CONTAINERS.items() if "_OWNER_PASSWORD" in str(one.get("environment"))}
    assert holders == {"postgres", *(f"{one}-migrate" for one in SERVICES)}


@each_container
def test_container_runs_without_root_on_a_read_only_file_system(name: str) -> None:
    container = CONTAINERS[name]
    user, group = (int(number) for number in container["user"].split(":"))
    assert user > 0
    assert group > 0
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]
    assert not container.get("privileged")
    assert not container.get("cap_add")


@each_container
def test_container_has_limits(name: str) -> None:
    limits = CONTAINERS[name].get("deploy", {}).get("resources", {}).get("limits", {})
    assert set(limits) == {"cpus", "memory", "pids"}


@each_container
def test_container_that_stays_has_a_health_check(name: str) -> None:
    check = CONTAINERS[name].get("healthcheck", {})
    if name in ENDS:
        assert check == {"disable": True}
        assert CONTAINERS[name]["restart"] == "no"
    elif name not in CANNOT_LOOK_AT_ITSELF:
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert CONTAINERS[name]["restart"] == "unless-stopped"


@each_container
def test_ports_are_open_on_loopback_only(name: str) -> None:
    for port in CONTAINERS[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
    assert "network_mode" not in CONTAINERS[name]


def test_services_are_found_on_the_ports_of_the_local_platform() -> None:
    assert [CONTAINERS[service]["ports"] for service in SERVICES] == [
        [f"127.0.0.1:{port}:8000"] for port in range(8001, 8006)
    ]


def test_only_the_edge_reaches_beyond_the_machine() -> None:
    assert {name for name, network in COMPOSE["networks"].items() if not network.get("internal")} == {"edge"}
    assert {name for name, one in CONTAINERS.items() if "edge" in one["networks"]} == {*SERVICES, "collector"}


def test_cache_is_for_the_gateway_alone() -> None:
    assert {name for name, one in CONTAINERS.items() if "cache" in one["networks"]} == {
        "redis",
        "chat-gateway",
        "chat-gateway-worker",
    }


def test_every_principal_of_the_topics_has_a_login_in_kafka() -> None:
    properties = (ROOT / "deploy/kafka/server.properties").read_text()
    logins = dict(re.findall(r'user_(\w+)="\$\{env:(\w+)\}"', properties))
    assert set(logins) == {*PRINCIPALS, "admin"}
    assert set(logins.values()) <= set(CONTAINERS["kafka"]["environment"])
    assert "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer" in properties
    assert "allow.everyone.if.no.acl.found=false" in properties


def test_no_secret_stands_in_the_file() -> None:
    for name, container in CONTAINERS.items():
        for variable, value in container.get("environment", {}).items():
            if re.search(r"PASSWORD|AUTH$|_KEY$|CLUSTER_ID", variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), (name, variable)
            passwords = re.findall(r"://[^:@/]*:([^@]+)@", str(value))
            assert all(password.startswith("${") for password in passwords), (name, variable)


OPENS = ("chat-gateway", "chat-gateway-worker", "transcripts", "transcripts-worker", "production", "production-worker")


def test_who_opens_what_is_said_of_persons_waits_for_the_keyring() -> None:
    for name in OPENS:
        package = name.removesuffix("-worker").replace("-", "_")
        environment = CONTAINERS[name]["environment"]
        url = rf"postgresql://{package}:\$\{{POSTGRES_{package.upper()}_PASSWORD:\?[^}}]+\}}@postgres:5432/keyring"
        assert re.fullmatch(url, environment["MUNIMENT_KEYRING_URL"])
        assert environment["MUNIMENT_KEY_FOLDER"] == "/run/secrets"
        assert CONTAINERS[name]["depends_on"]["keyring"] == {"condition": "service_completed_successfully"}
    owners = {name for name, one in CONTAINERS.items() if "POSTGRES_KEYRING_PASSWORD" in str(one.get("environment"))}
    assert owners == {"postgres", "keyring"}
    for service in ("disclosure", "retention"):
        assert "MUNIMENT_KEYRING_URL" not in CONTAINERS[service]["environment"], "they may open no event"


def test_keys_reach_who_signs_with_them_alone() -> None:
    expected = {f"{service}-worker": {f"audit-key-{service}", "audit-keys"} for service in SERVICES}
    expected["disclosure"] = {"grant-key", "disclosure.json"}
    for name in OPENS:
        own = f"{name.removesuffix('-worker').replace('-', '_')}.json"
        expected[name] = expected.get(name, set()) | {"events.json", own}
    expected["transcripts"] |= {"grant-keys"}
    expected["production"] |= {"grant-keys"}
    given = {name: set(container.get("secrets", [])) for name, container in CONTAINERS.items()}
    assert {name: keys for name, keys in given.items() if keys} == expected
    for service in SERVICES:
        environment = CONTAINERS[f"{service}-worker"]["environment"]
        assert environment["MUNIMENT_AUDIT_KEY_FILE"] == f"/run/secrets/audit-key-{service}"
        assert environment["MUNIMENT_AUDIT_KEYS"] == "/run/secrets/audit-keys"


def test_what_must_be_said_stands_in_the_example() -> None:
    example = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    asked = set(re.findall(r"\$\{([A-Z_]+)[:}]", TEXT))
    assert asked == example


def test_service_has_time_to_stop() -> None:
    for service in SERVICES:
        container = CONTAINERS[f"{service}-worker"]
        limit = float(container["environment"]["MUNIMENT_STOP_AFTER_SECONDS"])
        assert float(container["stop_grace_period"].removesuffix("s")) > limit


@each_container
def test_image_is_named_by_version_and_without_a_host(name: str) -> None:
    image = CONTAINERS[name]["image"]
    repository, _, version = image.partition(":")
    assert repository.count("/") <= 1
    assert "." not in repository.partition("/")[0]
    assert version == "${MUNIMENT_VERSION:-dev}" or re.match(r"\d+\.\d+", version)


def test_kafka_is_the_version_of_the_local_engine() -> None:
    pom = ET.parse(ROOT / "deploy/kafka/pom.xml")  # noqa: S314 - the project's own file
    version = pom.findtext(".//{*}kafka.version")
    assert CONTAINERS["kafka"]["image"] == f"apache/kafka:{version}"


def test_collector_reads_every_process() -> None:
    collector = yaml.safe_load((ROOT / "deploy/observability/collector.yaml").read_text())
    scrapes = collector["receivers"]["prometheus"]["config"]["scrape_configs"]
    targets = {target for scrape in scrapes for config in scrape["static_configs"] for target in config["targets"]}
    processes = {f"{service}{suffix}" for service in SERVICES for suffix in ("", "-worker")}
    assert targets == {f"{name}:8000" for name in processes}
    assert all("telemetry" in CONTAINERS[name]["networks"] for name in (*processes, "collector"))


@each_container
def test_mounted_files_are_there(name: str) -> None:
    for volume in CONTAINERS[name].get("volumes", []):
        if isinstance(volume, dict) and not volume["source"].startswith("${"):
            assert (ROOT / volume["source"]).is_file()
            assert volume["read_only"] is True
