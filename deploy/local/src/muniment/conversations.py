"""Conversations to play: real ones where the data folder is there, else one of the project's own."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
DATA = ROOT.parent / "shared" / "data"
SERVICE_CHATS = DATA / "conversations-service.jsonl"
DIALOGUES = DATA / "conversations-2000.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Turn:
    """One contribution; `speaker` is customer or employee."""

    speaker: str
    text: str


TOPIC = "general"
"""Real dialogues are about what no agency of ours serves; they go where general questions go."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Args:
    real: whether people had it; if not, it was made for this project.
    """

    id: str
    topic: str
    turns: tuple[Turn, ...]
    real: bool


OWN = Conversation(
    "own-1",
    "retirement",
    tuple(
        Turn(speaker, text)
        for speaker, text in (
            ("customer", "Good morning. I moved last month and my statement still goes to the old place."),
            ("employee", "Good morning! I can help you with that. Have you changed the address online already?"),
            ("customer", "I tried, but the page asked me to wait for a letter first. I was born on March 2, 1950."),
            ("employee", "That letter carries a code that proves the new address is yours. It takes about ten days."),
            ("customer", "Ah. And until then, will my payment still arrive?"),
            ("employee", "Yes. It goes to your bank, so the address does not change anything about it."),
            ("customer", "Wonderful, that was my worry. Thank you!"),
            ("employee", "You are welcome. Is there anything else I can do for you today?"),
            ("customer", "No, that was all. Have a good day."),
        )
    ),
    real=False,
)


def service_chat(number: int = 0) -> Conversation:
    """One of the real customer-service chats, or the project's own where they are not here."""
    if not SERVICE_CHATS.is_file():
        return OWN
    lines = SERVICE_CHATS.read_text(encoding="utf-8").splitlines()
    return _conversation(json.loads(lines[number % len(lines)]))


def dialogues(count: int) -> list[Conversation]:
    """That many dialogues, the real ones first; the project's own again and again where they are not here."""
    if not DIALOGUES.is_file():
        return [OWN] * count
    with gzip.open(DIALOGUES, "rt", encoding="utf-8") as lines:
        return [_conversation(json.loads(line)) for line, _ in zip(lines, range(count), strict=False)]


def _conversation(found: dict[str, Any]) -> Conversation:
    # What the original calls an action was done by the employee's system, not said in the chat.
    turns = tuple(Turn(t["speaker"], t["text"]) for t in found["turns"] if t["speaker"] in {"customer", "employee"})
    return Conversation(str(found["id"]), TOPIC, turns, real=True)
