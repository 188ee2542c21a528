"""The report as pages in PDF: the HTML page's own words, tables and figures, laid out on A4 by fpdf2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from html.parser import HTMLParser
from itertools import groupby

from .pdf_fonts import visible
from .pdf_paper import A4_PT, BLACK, GRAY, MARGIN_PT, Paper

WIDTH_PT = A4_PT[0] - 2 * MARGIN_PT
TEXT_PT, TABLE_PT, SMALLEST_PT = 9.0, 8.0, 5.5
HEADINGS_PT = {"h1": 16.0, "h2": 12.0, "h3": 10.0}
LEADING_RATIO = 1.3
GAP_PT, CELL_PT = 6.0, 3.0
RULE, SHADE = (204, 204, 204), (237, 237, 242)
SOFT = {"soft", "missing"}
HIGHEST_PICTURE_PT, HIGHEST_ALONE_PT = 250.0, 640.0
WIDEST_OF_A_PAIR_RATIO = 1.6
"""Width over height up to which two pictures stand side by side."""
SKIPPED = {"style", "title", "script"}
BLOCKS = {"p", "li", "div", "summary", "ul", "details", *HEADINGS_PT}

Word = tuple[str, bool, bool]
"""A word, whether it is bold, and whether it is gray; "\n" ends a line."""


def as_pdf(page: str, title: str) -> bytes:
    """Return the report's HTML page (`as_html`) as a PDF file; folded parts are unfolded.

    Figures stay vectors; headings are bookmarks. Text is in fonts of this computer, in any script that they have;
    other characters are spelled out or lose their accents.

    Raises
    ------
    MissingToolError
        If fpdf2 is not installed.
    """
    figures: list[str] = []

    def put_by(found: re.Match[str]) -> str:
        figures.append(found[0])
        return f'<img alt="{len(figures) - 1}">'

    paper = Paper(title, unescape(visible(page)) + title)
    reader = _Reader(paper.plain, figures)
    reader.feed(re.sub(r"<svg\b.*?</svg>", put_by, page, flags=re.DOTALL))
    reader.close()
    layout = _Layout(paper)
    blocks = [b for b in reader.blocks if b.kind in {"table", "picture"} or b.text.words]
    at = 0
    while at < len(blocks):
        at += layout.draw(blocks[at:])
    return bytes(paper.pdf.output())


class Cell:
    """The words of a paragraph or of a cell of a table, filled while the page is read."""

    def __init__(self, *, right: bool = False, span: int = 1) -> None:
        self.words: list[Word] = []
        self.right, self.span = right, span


class Block:
    """A paragraph, a heading, a table or a picture of the page, filled while the page is read."""

    def __init__(self, kind: str, picture: str | None = None) -> None:
        self.kind, self.picture = kind, picture
        self.text = Cell()
        self.head: list[Cell] = []
        self.rows: list[list[Cell]] = []


class _Reader(HTMLParser):
    """Takes the page apart into blocks."""

    def __init__(self, plain: Callable[[str], str], figures: Sequence[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.plain, self.figures = plain, figures
        self.blocks: list[Block] = []
        self.cell: Cell | None = None
        self.table: Block | None = None
        self.styles: list[tuple[str, bool, bool]] = []
        self.skipping = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: told or "" for name, told in attrs}
        classes = set(known.get("class", "").split())
        if tag in SKIPPED:
            self.skipping = tag
        elif tag == "table":
            self.table = Block("table")
            self.blocks.append(self.table)
        elif tag == "tr" and self.table is not None:
            self.table.rows.append([])
        elif tag in ("td", "th") and self.table is not None and self.table.rows:
            self.cell = Cell(right="number" in classes, span=int(known.get("colspan") or 1))
            row = self.table.rows[-1]
            row.append(self.cell)
        elif tag == "img":
            self.blocks.append(Block("picture", self.figures[int(known["alt"])]))
        elif tag in BLOCKS and self.table is None:
            self.blocks.append(Block(tag))
            self.cell = self.blocks[-1].text
        elif tag == "br" and self.cell is not None:
            self.cell.words.append(("\n", False, False))
        if tag not in {"br", "img", "meta"}:
            bold = tag in {"b", "th", "h1", "h2", "h3"} or bool(classes & {"tag", "verdict", "notice"})
            self.styles.append((tag, bold, bool(classes & SOFT)))

    def handle_endtag(self, tag: str) -> None:
        while self.styles and self.styles.pop()[0] != tag:
            pass
        if tag == self.skipping:
            self.skipping = ""
        elif tag == "thead" and self.table is not None:
            self.table.head = self.table.rows.pop() if self.table.rows else []
        elif tag == "table":
            self.table = self.cell = None
        elif tag in BLOCKS | {"td", "th"}:
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.skipping or self.cell is None:
            return
        soft = any(style[2] for style in self.styles)
        bold = any(style[1] for style in self._within_block())
        glued = bool(self.cell.words) and not data[:1].isspace() and self.cell.words[-1][0] != "\n"
        for at, word in enumerate(self.plain(data).split()):
            if at == 0 and glued and self.cell.words and not self.open_end:
                last = self.cell.words.pop()
                self.cell.words.append((last[0] + word, last[1] or bold, last[2] and soft))
            else:
                self.cell.words.append((word, bold, soft))
        self.open_end = data[-1:].isspace() if data else True

    def _within_block(self) -> Iterator[tuple[str, bool, bool]]:
        """Yield the styles from the innermost out to the paragraph: a bold box does not make its list bold."""
        for style in reversed(self.styles):
            yield style
            if style[0] in BLOCKS:
                return

    open_end = True
    """Whether the last text ended in a space."""


class _Layout:
    """Puts blocks on pages, from the top down."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.y_pt = 0.0
        self._turn()

    def draw(self, blocks: list[Block]) -> int:
        """Draw the first block, of two narrow pictures both; return how many were drawn."""
        first = blocks[0]
        if first.kind == "table":
            self._table(first)
        elif first.picture is not None:
            row = [b.picture for b in blocks[:2] if b.picture is not None]
            if any(not 1 <= w / h <= WIDEST_OF_A_PAIR_RATIO for w, h in map(_size_px, row)):
                row = row[:1]
            self._pictures(row)
            return len(row)
        else:
            self._paragraph(first, is_over_picture=any(b.picture is not None for b in blocks[1:2]))
        return 1

    def _turn(self) -> None:
        self.paper.pdf.add_page()
        self.y_pt = A4_PT[1] - MARGIN_PT

    def _room(self, height_pt: float) -> bool:
        """Begin a page where the height does not fit; return whether it did."""
        turned = self.y_pt - height_pt < MARGIN_PT
        if turned:
            self._turn()
        return turned

    def _paragraph(self, block: Block, *, is_over_picture: bool) -> None:
        size_pt = HEADINGS_PT.get(block.kind, TEXT_PT)
        indent_pt = 10.0 if block.kind == "li" else 0.0
        if block.kind in HEADINGS_PT:
            self.y_pt -= GAP_PT
            below_pt = HIGHEST_PICTURE_PT if is_over_picture else 6 * TEXT_PT
            self._room(size_pt * LEADING_RATIO + GAP_PT + below_pt)  # not alone at the foot of a page
            self.paper.bookmark(" ".join(word for word, _, _ in block.text.words), int(block.kind[1]) - 1)
        words = [("\u2022", False, False), *block.text.words] if block.kind == "li" else block.text.words
        for line in _lines(self.paper, words, WIDTH_PT - indent_pt, size_pt):
            self._room(size_pt * LEADING_RATIO)
            self.y_pt -= size_pt * LEADING_RATIO
            self._line(line, MARGIN_PT + indent_pt, size_pt)
        self.y_pt -= 2.0 if block.kind == "li" else GAP_PT

    def _line(self, line: list[Word], x_pt: float, size_pt: float) -> None:
        for (bold, soft), same in groupby(line, key=lambda word: word[1:]):
            words = " ".join(word for word, _, _ in same)
            self.paper.text(words, x_pt, self.y_pt, size_pt, bold=bold, color=GRAY if soft else BLACK)
            x_pt += self.paper.width_pt(f"{words} ", size_pt, bold)

    def _pictures(self, row: list[str]) -> None:
        share_pt = (WIDTH_PT - GAP_PT * (len(row) - 1)) / len(row)
        sizes = [_size_px(p) for p in row]
        highest_pt = HIGHEST_PICTURE_PT if len(row) > 1 else HIGHEST_ALONE_PT
        scales = [min(share_pt / width, highest_pt / height) for width, height in sizes]
        height_pt = max(height * s for (_, height), s in zip(sizes, scales, strict=True))
        self._room(height_pt + GAP_PT)
        for at, (one, (width, height), scale) in enumerate(zip(row, sizes, scales, strict=True)):
            x_pt, high_pt = MARGIN_PT + at * (share_pt + GAP_PT), height * scale
            self.paper.picture(one, x_pt, self.y_pt - high_pt, width * scale, high_pt)
        self.y_pt -= height_pt + GAP_PT

    def _table(self, table: Block) -> None:
        size_pt, widths = _columns(self.paper, [*([table.head] if table.head else []), *table.rows])
        if not widths:
            return
        self.y_pt -= 2.0
        begin_pt = sum(_height(self.paper, row, widths, size_pt) for row in (table.head, *table.rows[:1]))
        self._room(min(begin_pt, A4_PT[1] / 2))  # no head alone at the foot of a page
        self._row(table.head, widths, size_pt, shaded=True)
        for row in table.rows:
            height_pt = _height(self.paper, row, widths, size_pt)
            if self._room(min(height_pt, A4_PT[1] / 2)):
                self._row(table.head, widths, size_pt, shaded=True)
            self._row(row, widths, size_pt)
        self.y_pt -= GAP_PT

    def _row(self, row: list[Cell], widths: list[float], size_pt: float, *, shaded: bool = False) -> None:
        """Draw a row; one that is higher than the page goes on on the next."""
        if not any(cell.words for cell in row):
            return
        cells = [
            (x, w, cell.right, _lines(self.paper, cell.words, w - 2 * CELL_PT, size_pt))
            for x, w, cell in _placed(row, widths)
        ]
        step_pt, top = size_pt * LEADING_RATIO, self.y_pt
        if shaded:
            height_pt = _height(self.paper, row, widths, size_pt)
            self.paper.box(MARGIN_PT, top - height_pt, sum(widths), height_pt, SHADE)
        for at in range(max(len(lines) for *_, lines in cells)):
            self._room(step_pt + CELL_PT)
            self.y_pt -= step_pt
            for x, w, is_right, lines in cells:
                if at < len(lines):
                    free = w - 2 * CELL_PT - _line_width(self.paper, lines[at], size_pt) if is_right else 0.0
                    self._line(lines[at], MARGIN_PT + x + CELL_PT + free, size_pt)
        self.y_pt -= CELL_PT
        self.paper.box(MARGIN_PT, self.y_pt, sum(widths), 0.4, RULE)


def _size_px(svg: str) -> tuple[float, float]:
    """Return width and height of a figure."""
    width, height = (float(part) for part in re.findall(r' (?:width|height)="([\d.]+)"', svg)[:2])
    return width, height


def _placed(row: list[Cell], widths: list[float]) -> Iterator[tuple[float, float, Cell]]:
    """Yield left end and width of each cell."""
    column = 0
    for cell in row:
        end = min(column + cell.span, len(widths))
        yield sum(widths[:column]), sum(widths[column:end]), cell
        column = end


def _height(paper: Paper, row: list[Cell], widths: list[float], size_pt: float) -> float:
    counts = [len(_lines(paper, cell.words, w - 2 * CELL_PT, size_pt)) for _, w, cell in _placed(row, widths)]
    return max(counts, default=0) * size_pt * LEADING_RATIO + CELL_PT


def _columns(paper: Paper, rows: list[list[Cell]]) -> tuple[float, list[float]]:
    """Return the size of the letters and the width of each column: as wide as its words ask, within the page."""
    count = max((sum(c.span for c in row) for row in rows), default=0)
    size_pt = TABLE_PT
    while True:
        least, most = [2 * CELL_PT] * count, [2 * CELL_PT] * count
        for row in rows:
            column = 0
            for cell in row:
                if cell.span == 1 and column < count:
                    for line in _split(cell.words):
                        most[column] = max(most[column], _line_width(paper, line, size_pt) + 2 * CELL_PT)
                        for word in line:
                            least[column] = max(least[column], _line_width(paper, [word], size_pt) + 2 * CELL_PT)
                column += cell.span
        if sum(least) <= WIDTH_PT or size_pt <= SMALLEST_PT:
            break
        size_pt -= 0.5
    if sum(most) <= WIDTH_PT:
        return size_pt, most
    if sum(least) >= WIDTH_PT:
        return size_pt, [w * WIDTH_PT / sum(least) for w in least]
    share = (WIDTH_PT - sum(least)) / (sum(most) - sum(least))
    return size_pt, [low + (high - low) * share for low, high in zip(least, most, strict=True)]


def _split(words: list[Word]) -> Iterator[list[Word]]:
    line: list[Word] = []
    for word in words:
        if word[0] == "\n":
            yield line
            line = []
        else:
            line.append(word)
    yield line


def _line_width(paper: Paper, line: list[Word], size_pt: float) -> float:
    words = sum(paper.width_pt(f"{word} ", size_pt, bold) for word, bold, _ in line)
    return words - (paper.width_pt(" ", size_pt, line[-1][1]) if line else 0.0)


def _lines(paper: Paper, words: list[Word], room_pt: float, size_pt: float) -> list[list[Word]]:
    """Return words in lines no wider than the room; a word that is wider alone is cut."""
    found: list[list[Word]] = []
    for part in _split(words):
        line: list[Word] = []
        for word in (piece for whole in part for piece in _cut(paper, whole, room_pt, size_pt)):
            if line and _line_width(paper, [*line, word], size_pt) > room_pt + 0.01:
                found.append(line)
                line = []
            line.append(word)
        found.append(line)
    return found


def _cut(paper: Paper, word: Word, room_pt: float, size_pt: float) -> Iterator[Word]:
    text, bold, soft = word
    while len(text) > 1 and _line_width(paper, [(text, bold, soft)], size_pt) > room_pt + 0.01:
        end = len(text) - 1
        while end > 1 and _line_width(paper, [(text[:end], bold, soft)], size_pt) > room_pt:
            end -= 1
        yield text[:end], bold, soft
        text = text[end:]
    yield text, bold, soft
