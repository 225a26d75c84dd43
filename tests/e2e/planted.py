"""People who do not exist, with particulars that are found again wherever they were written, in whatever form."""

import base64
import binascii
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from muniment.conversations import Conversation, Turn

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Person:
    """Invented particulars; none of them occurs anywhere else."""

    first: str
    last: str
    ssn: str
    born: str
    street: str
    account: str
    case: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    def sentences(self) -> tuple[str, ...]:
        """What such a person tells in a chat."""
        return (
            f"My name is {self.name} and my number is {self.ssn}.",
            f"I was born on {self.born} and live at {self.street}.",
            f"Written together it is {self.ssn.replace('-', '')}, the account is {self.account}.",
        )

    def values(self) -> tuple[str, ...]:
        """What stands nowhere in the clear: each alone, so that a part of it counts as well."""
        return (self.first, self.last, self.ssn, self.ssn.replace("-", ""), self.born, self.street)

    def numbers(self) -> tuple[str, ...]:
        """What stands in the clear in one place and nowhere else: the account in the audit trail, since it is who a user
        of the system is; the case in production, as its receipt number, which names a case and nobody (S3 2.2).
        """
        return (self.account, self.case)


def people(count: int, *, seed: int) -> list[Person]:
    """So many people, the same for a seed."""
    dice = random.Random(seed)  # noqa: S311 - not a secret

    def word(syllables: int) -> str:
        return "".join(dice.choice(_CONSONANTS) + dice.choice(_VOWELS) for _ in range(syllables)).capitalize()

    def ssn() -> str:
        return f"{dice.randint(100, 665)}-{dice.randint(10, 99)}-{dice.randint(1000, 9999)}"

    return [
        Person(
            first=word(4), last=word(5), ssn=ssn(), street=f"{dice.randint(100, 999)} {word(5)} Street",
            born=f"{dice.choice(('March', 'August', 'November'))} {dice.randint(10, 28)}, {dice.randint(1930, 1999)}",
            account=f"acct-{dice.getrandbits(48):012x}", case=f"IOE{dice.randint(1_000_000_000, 9_999_999_999)}",
        )
        for _ in range(count)
    ]  # fmt: skip


def with_particulars(conversation: Conversation, person: Person) -> Conversation:
    """The conversation, in which the customer tells theirs and the employee repeats the name."""
    told = [Turn("customer", sentence) for sentence in person.sentences()]
    turns = (*conversation.turns, *told, Turn("employee", f"Thank you, {person.name}. I noted that."))
    return Conversation(conversation.id, conversation.topic, turns, conversation.real)


class Needles:
    """Finds any of the values in bytes: as they are, percent-encoded, in hexadecimal and inside Base64.

    Compressed or encrypted content hides them; whatever is compressed has to be opened before it is looked at.
    """

    def __init__(self, values: Sequence[str]) -> None:
        self._of = {form.lower(): value for value in dict.fromkeys(values) for form in _forms(value)}
        self._patterns = b"\n".join(self._of)

    def found_in(self, content: bytes) -> set[str]:
        """The values that stand in the content, in capitals or not."""
        return {self._of[match] for match in set(self._matches(content)) if _stands_alone(match, content)}

    def _matches(self, content: bytes) -> Iterator[bytes]:
        # So many words in hundreds of megabytes: a program that is made for it takes a hundredth of the time.
        with tempfile.NamedTemporaryFile() as patterns:
            patterns.write(self._patterns)
            patterns.flush()
            command = ["grep", "--text", "--only-matching", "--ignore-case", "--fixed-strings", "--file", patterns.name]
            done = subprocess.run(command, input=content, capture_output=True, check=False, env={"LC_ALL": "C"})
        assert done.returncode in {0, 1}, done.stderr
        for line in done.stdout.splitlines():
            yield line.lower()


def _stands_alone(match: bytes, content: bytes) -> bool:
    """Digits in a row count only where no more digits stand around them: counters are long."""
    return not match.isdigit() or re.search(rb"(?<!\d)" + match + rb"(?!\d)", content) is not None


def _forms(value: str) -> Iterator[bytes]:
    plain = value.encode()
    yield plain
    yield quote(value).encode()
    yield value.replace(" ", "+").encode()
    yield binascii.hexlify(plain)
    for shift in range(3):
        # Where a value begins within three bytes decides how Base64 writes it; the edges depend on its neighbours.
        inner = base64.b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4]
        if len(inner) >= _SHORTEST:
            yield inner
