"""What the runbooks name is there."""

import re
from importlib import import_module

from common.clock import SystemClock
from muniment.home import SERVICES
from tests.containers.compose import CONTAINERS, ROOT

RUNBOOKS = {file.name: file.read_text() for file in (ROOT / "deploy/runbooks").glob("*.md")}


def test_restoring_puts_back_every_consumer_group() -> None:
    groups = set()
    for package in SERVICES:
        service = import_module(f"{package}.app").SERVICE
        settings = service.settings(profile="embedded", key_folder="/keys", keyring_url="postgresql:///keyring")
        groups |= {subject.group for subject in service.make_subjects(settings, SystemClock())}
    (listed,) = re.findall(r"^The groups: (.*?);", RUNBOOKS["restore.md"], re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`([^`]+)`", listed)) == groups


def test_every_container_that_a_runbook_uses_is_in_the_compose_file() -> None:
    for text in RUNBOOKS.values():
        used = re.findall(r"docker compose (?:run|exec)(?: -\S+(?: PGPASSWORD=\S+)?)* ([a-z-]+)", text)
        assert set(used) <= set(CONTAINERS)
    assert "production-worker" in RUNBOOKS["dead-letter.md"]


def test_links_between_pages_lead_somewhere() -> None:
    for folder in ("deploy", "deploy/runbooks"):
        for page in (ROOT / folder).glob("*.md"):
            for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
                assert (page.parent / target).exists(), (page.name, target)
