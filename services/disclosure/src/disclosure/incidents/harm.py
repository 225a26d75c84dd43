"""The risk of harm by the three factors of OMB M-17-12: answers in, points, level and the questions left open out. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from common.pii.taxonomy import Taxonomy
from disclosure.incidents.law_files import risk

Level = Literal["low", "moderate", "high"]
LEVELS: tuple[Level, ...] = ("low", "moderate", "high")
KINDS = "kinds"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What comes of the answers. `missing`: questions without one; `wrong`: questions with an answer that there is not."""

    points: Mapping[str, int]
    level: Level
    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def weigh(answers: Mapping[str, str], kinds: Collection[str], taxonomy: Taxonomy) -> Weighed:
    """Weigh an incident.

    Args:
        answers: by `factor.question`. What kinds got out is no answer of anybody: it is `kinds`.
    """
    law = risk()
    given = {**answers, f"sensitivity.{KINDS}": gravity(kinds, taxonomy)}
    asked = {f"{f}.{q}": question for f, factor in law.factors.items() for q, question in factor.questions.items()}
    missing = tuple(name for name in asked if name not in given)
    wrong = tuple(n for n, v in given.items() if n not in asked or v not in asked[n].answers)
    if f"sensitivity.{KINDS}" in answers:
        wrong += (f"sensitivity.{KINDS}",)
    points = {
        name: max(
            (q.answers.get(given.get(f"{name}.{code}", ""), 0) for code, q in factor.questions.items()), default=0
        )
        for name, factor in law.factors.items()
    }
    total = sum(points.values())
    level = next(one.level for one in law.levels if total <= one.up_to)
    return Weighed(points, level, missing, wrong)


def gravity(kinds: Collection[str], taxonomy: Taxonomy) -> str:
    """How grave the gravest of these kinds is. What no taxonomy lists is a number that an office gave: protected."""
    if not kinds:
        return "none-known"
    if set(kinds) & set(risk().gravest):
        return "gravest"
    protected = [kind for kind in kinds if kind not in taxonomy.types or taxonomy.kind(kind).group == "protected"]
    return "protected" if protected else "ordinary"


def at_least(found: Level, weighed: Level) -> bool:
    """An official may find the risk higher than the answers make it, never lower."""
    return LEVELS.index(found) >= LEVELS.index(weighed)
