"""Papers as PDF, with a QR code and the machine's copy attached.

The same paper gives the same bytes. Text is set in Roboto, which has Vietnamese; a PDF never refers to
anything outside itself.
"""

import io
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

import segno
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, WrapMode, XPos, YPos
from fpdf.fonts import FontFace
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from ledger.paper import NoAttachment, Paper, Section, Table

FONT: Final = "Roboto"
MARGIN: Final = 18.0
"""Millimetres."""
QR: Final = 26.0
"""Millimetres of the code's side."""
GREY: Final = (110, 110, 110)
SHADE: Final = (240, 243, 247)


def pdf(paper: Paper) -> bytes:
    """The paper as a PDF."""
    page = _Page(paper)
    page.add_page()
    page.head()
    for section in paper.sections:
        page.section(section)
    for name, data in sorted(paper.attachments.items()):
        page.embed_file(
            bytes=data,
            basename=name,
            mime_type="application/json",
            creation_date=page.made,
            modification_date=page.made,
            compress=True,
        )
    return bytes(page.output())


def attachment(data: bytes, name: str) -> bytes:
    """A file attached to a PDF. Raises NoAttachment."""
    try:
        found = PdfReader(io.BytesIO(data)).attachments.get(name)
    except (PyPdfError, ValueError, TypeError, LookupError, OSError, RecursionError) as error:
        raise NoAttachment("the file is no PDF that can be read") from error
    if not found:
        raise NoAttachment(f"the PDF has no {name} attached")
    return bytes(found[0])


class _Page(FPDF):
    def __init__(self, paper: Paper) -> None:
        super().__init__(format="A4")
        self.paper = paper
        self.made = datetime.fromtimestamp(paper.made_at, UTC)
        folder = files("font_roboto") / "files"
        for style, name in (("", "Regular"), ("B", "Bold")):
            self.add_font(FONT, style, str(folder / f"Roboto-{name}.ttf"))
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, MARGIN)
        self.set_title(paper.title)
        self.set_lang(paper.language)
        self.set_creation_date(self.made)
        self.set_producer("Socai")
        self.alias_nb_pages("{pages}")

    def footer(self) -> None:
        self.set_y(-MARGIN + 4)
        self._font(7, grey=True)
        self.cell(0, 4, self.paper.footer)
        self.set_x(MARGIN)
        self.cell(0, 4, f"{self.page_no()} / {{pages}}", align="R")

    def head(self) -> None:
        width = self.epw - (QR + 4 if self.paper.code is not None else 0)
        top = self.get_y()
        self._font(17, bold=True)
        self.multi_cell(width, 8, self.paper.title, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._font(10, grey=True)
        self.multi_cell(width, 5, self.paper.subtitle, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if self.paper.code is not None:
            self._qr(self.paper.code, self.w - MARGIN - QR, top)
            self.set_y(max(self.get_y(), top + QR) + 2)

    def section(self, section: Section) -> None:
        if self.will_page_break(24):
            self.add_page()
        self.ln(4)
        self._font(12, bold=True)
        self.cell(0, 7, section.title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_draw_color(*GREY)
        self.line(MARGIN, self.get_y(), self.w - MARGIN, self.get_y())
        self.ln(1.5)
        if section.text:
            self._font(9)
            self.multi_cell(0, 4.5, section.text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.ln(1)
        for label, value in section.facts:
            self._fact(label, value)
        for table in section.tables:
            self._table(table)

    def _fact(self, label: str, value: str) -> None:
        if self.will_page_break(10):
            self.add_page()
        top = self.get_y()
        self._font(8.5, grey=True)
        self.multi_cell(self.epw * 0.34, 4.6, label, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        below = self.get_y()
        self.set_xy(MARGIN + self.epw * 0.36, top)
        self._font(9)
        self.multi_cell(
            self.epw * 0.64,
            4.6,
            value,
            align="L",
            wrapmode=WrapMode.CHAR,
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )
        self.set_y(max(below, self.get_y()) + 0.6)

    def _table(self, table: Table) -> None:
        self._font(7.5)
        with self.table(
            col_widths=tuple(table.widths),
            headings_style=FontFace(emphasis="BOLD", fill_color=SHADE),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            line_height=3.6,
            padding=(0.7, 1),
            text_align="LEFT",
            wrapmode=WrapMode.CHAR,
        ) as lines:
            for cells in (table.columns, *table.rows):
                line = lines.row()
                for cell in cells:
                    line.cell(cell)
        self.ln(1)

    def _qr(self, text: str, left: float, top: float) -> None:
        modules = segno.make(text, error="m", micro=False).matrix
        side = QR / len(modules)
        self.set_fill_color(0, 0, 0)
        for down, row in enumerate(modules):
            for across, dark in enumerate(row):
                if dark:
                    self.rect(left + across * side, top + down * side, side, side, style="F")

    def _font(self, size: float, *, bold: bool = False, grey: bool = False) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(*(GREY if grey else (0, 0, 0)))
