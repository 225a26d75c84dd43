"""What the manuals tell people to type does what they say."""

import pytest

from disclosure.incidents import page as incidents_page
from disclosure.packages import page as packages_page
from tests.disclosure.desk import Desk
from tests.disclosure.incident_desk import Watch
from tests.disclosure.mailroom import Mailroom
from tests.disclosure.manual import Reader


async def test_the_commands_of_the_page_on_packages_send_a_package(desk: Desk, mailroom: Mailroom) -> None:
    begun = await mailroom.opened(desk)
    reader = Reader(desk.client, desk.issuer, {"accounting": begun["accounting_id"], "record": begun["record"]})
    answers = await reader.follow(packages_page.render())
    assert [(a.status_code, a.text) for a in answers if a.status_code != 201] == []
    assert len(answers) == 6
    assert (await mailroom.do("GET", f"/release-packages/{reader.known['package']}", status=200))["state"] == "sent"


def test_a_page_with_a_place_that_nothing_fills_is_none() -> None:
    with pytest.raises(ValueError, match="places without a part"):
        packages_page.filled("{{nothing}}", {})


async def test_the_commands_of_the_page_on_incidents_close_one(desk: Desk) -> None:
    watch = Watch(desk.client, desk.issuer, desk.store, desk.clock)
    package = await watch.astray(desk)
    # The examiner who reports it is somebody else than the privacy officer who closes it.
    reader = Reader(desk.client, desk.issuer, {"package": package["id"], "now": desk.clock.now().isoformat()})
    answers = await reader.follow(incidents_page.render())
    assert [(a.status_code, a.text) for a in answers if not a.is_success] == []
    assert len(answers) == 12
    assert (await watch.do("GET", f"/incidents/{reader.known['incident']}", status=200))["state"] == "closed"
