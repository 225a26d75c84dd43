"""A PDF of plain lines, written as it goes: memory does not grow with it, and the same lines are the same bytes.

Text in one of the fonts that every reader has, on pages of US letter size. What these fonts do not have (the code page is
Windows-1252) is written as its code point, like U+0141 with a backslash: the files in JSON and CSV have it as it is.
"""

import textwrap
from collections.abc import Iterable, Sequence

WIDTH, HEIGHT, MARGIN, LEADING, SIZE = 612, 792, 54, 11, 8
COLUMNS = 104
LINES = (HEIGHT - 2 * MARGIN) // LEADING - 2

_CATALOG, _PAGES, _FONT, _INFO = 1, 2, 3, 4


class Pages:
    """A file in the making; what each method returns follows what was returned before.

    Args:
        title: stands on every page.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._at = 0
        self._places: dict[int, int] = {}
        self._numbers: list[int] = []
        self._page: list[str] = []

    def begin(self) -> bytes:
        return self._told(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")

    def add(self, lines: Iterable[str]) -> bytes:
        """The pages that these lines fill up. Long ones are broken; an empty one is a gap."""
        full = b""
        for line in lines:
            for part in textwrap.wrap(line, COLUMNS, subsequent_indent="    ") or [""]:
                self._page.append(part)
                if len(self._page) == LINES:
                    full += self._turn()
        return full

    def end(self) -> bytes:
        """The last page, and where everything stands."""
        rest = self._turn() if self._page or not self._numbers else b""
        kids = " ".join(f"{one} 0 R" for one in self._numbers)
        rest += self._item(_CATALOG, f"<< /Type /Catalog /Pages {_PAGES} 0 R /Lang (en-US) >>".encode())
        rest += self._item(_PAGES, f"<< /Type /Pages /Count {len(self._numbers)} /Kids [{kids}] >>".encode())
        rest += self._item(_FONT, b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>")
        rest += self._item(_INFO, b"<< /Title (" + _escaped(self._title) + b") /Producer (Muniment) >>")
        begins = self._at
        rows = b"".join(b"%010d 00000 n \n" % self._places[n] for n in sorted(self._places))
        size = len(self._places) + 1
        table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, rows)
        trailer = b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (size, _CATALOG, _INFO)
        return rest + table + trailer + b"startxref\n%d\n%%%%EOF\n" % begins

    def _turn(self) -> bytes:
        """This page, and a new one."""
        content = _INFO + 2 * len(self._numbers) + 1
        self._numbers.append(content + 1)
        drawn = _drawn(self._title, len(self._numbers), self._page)
        self._page = []
        body = f"/Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {content} 0 R"
        page = f"<< {body} /Resources << /Font << /F {_FONT} 0 R >> >> >>".encode()
        return self._item(content, _stream(drawn)) + self._item(content + 1, page)

    def _item(self, number: int, body: bytes) -> bytes:
        self._places[number] = self._at
        return self._told(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    def _told(self, part: bytes) -> bytes:
        self._at += len(part)
        return part


def _drawn(title: str, number: int, page: Sequence[str]) -> bytes:
    head = _escaped(f"{title} - page {number}"[:COLUMNS])
    shown = [b"(" + head + b") Tj T* T*", *(b"(" + _escaped(line) + b") Tj T*" for line in page)]
    begin = f"BT /F {SIZE} Tf {LEADING} TL {MARGIN} {HEIGHT - MARGIN} Td".encode()
    return begin + b"\n" + b"\n".join(shown) + b"\nET"


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _escaped(text: str) -> bytes:
    """A string of a PDF without its brackets: what could end it, or is none of the font's, is written otherwise."""
    plain = "".join(c if c.isprintable() else " " for c in text).encode("cp1252", "backslashreplace").decode("cp1252")
    return plain.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").encode("cp1252")
