"""The page docs/incidents.md: its text, and the generated parts: triggers, machines, time limits, and the factors of risk."""

from importlib.resources import files

from disclosure.incidents.law_files import limits, machines_of_incidents, risk, triggers
from disclosure.packages.page import drawn, filled, table


def parts() -> dict[str, str]:
    """Each generated part, by its name in the page."""
    law = risk()
    weighed = (
        (factor.title, question.asks, ", ".join(f"{answer} {points}" for answer, points in question.answers.items()))
        for factor in law.factors.values()
        for question in factor.questions.values()
    )
    return {
        **{kind: drawn(machine) for kind, machine in machines_of_incidents().items()},
        "triggers": table(
            ("trigger", "what happened", "rests on", "open from the start", "asked for in"),
            ((code, t.title, t.rests_on, ", ".join(t.tasks), t.citation) for code, t in triggers().items()),
        ),
        "clocks": table(
            ("limit", "what", "minutes after detection", "met by", "authority"),
            (
                (name, one.title, str(one.minutes or "as set, 60"), one.met_by, one.authority)
                for name, one in limits().items()
            ),
        ),
        "risk": table(("factor", "question", "answers with their points"), weighed),
        "levels": ", ".join(f"{level.level} up to {level.up_to}" for level in law.levels),
    }


def render() -> str:
    """The page.

    Raises:
        ValueError: a part has no place in the text, or a place no part.
    """
    return filled((files("disclosure.incidents") / "page.md").read_text("utf-8"), parts())
