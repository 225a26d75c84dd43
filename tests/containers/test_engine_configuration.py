"""What the compose file gives its engines, tried on the same engines of this machine."""

import asyncio
import subprocess
import sys
import time

import asyncpg
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import NewTopic

from common.contracts.topics import TOPICS
from muniment.home import SERVICES
from tests.containers.compose_engines import Databases, EventLog


@pytest.mark.parametrize("service", SERVICES)
async def test_service_comes_into_its_own_database_and_no_other(
    service: str, databases_made: Databases, dotenv: dict[str, str]
) -> None:
    password = dotenv[f"POSTGRES_{service.upper()}_PASSWORD"]
    assert await databases_made.connect(service, password, service) == service
    owners = dotenv[f"POSTGRES_{service.upper()}_OWNER_PASSWORD"]
    assert await databases_made.connect(f"{service}_owner", owners, service) == f"{service}_owner"
    for other in {*SERVICES, "postgres", "template1"} - {service}:
        for role, its in ((service, password), (f"{service}_owner", owners)):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await databases_made.connect(role, its, other)


async def test_databases_script_run_again_sets_new_passwords_and_keeps_the_rest(databases_made: Databases) -> None:
    changed = await asyncio.to_thread(databases_made.make, POSTGRES_TRANSCRIPTS_PASSWORD="another-one")
    try:
        assert changed.returncode == 0, changed.stderr
        assert await databases_made.connect("transcripts", "another-one", "transcripts") == "transcripts"
    finally:
        await asyncio.to_thread(databases_made.make)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await databases_made.connect("transcripts", "another-one", "transcripts")


async def test_databases_script_refuses_a_password_that_would_need_escaping(empty_databases: Databases) -> None:
    done = await asyncio.to_thread(empty_databases.make, POSTGRES_CHAT_GATEWAY_PASSWORD="it's")
    assert done.returncode == 1
    assert "POSTGRES_CHAT_GATEWAY_PASSWORD may hold letters" in done.stderr
    assert "it's" not in done.stdout + done.stderr


@pytest.mark.kafka
@pytest.mark.slow
def test_kafka_lets_each_principal_do_what_the_topics_say(event_log: EventLog, dotenv: dict[str, str]) -> None:
    applied = subprocess.run(
        [sys.executable, "-m", "muniment", "topics", "apply"],
        check=False,
        capture_output=True,
        text=True,
        env={"MUNIMENT_BROKER_URL": event_log.address, "MUNIMENT_KAFKA_PASSWORD": dotenv["KAFKA_ADMIN_PASSWORD"]},
    )
    assert applied.returncode == 0, applied.stderr
    assert f"the {len(TOPICS)} topics" in applied.stdout
    expected = {topic.name for topic in TOPICS if "retention" in topic.readers}
    deadline = time.monotonic() + 20
    while (seen := event_log.seen_by("retention")) != expected and time.monotonic() < deadline:
        time.sleep(0.1)  # the broker hears of new topics a moment after the controller made them
    assert seen == expected
    client = event_log.client("transcripts")
    made = client.create_topics([NewTopic("of.my.own", 1, 1)])
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        made["of.my.own"].result()
    with pytest.raises(KafkaException):
        event_log.seen_by("retention", password_of="transcripts")
