"""A page of text, tables and figures: one self-contained HTML file, its figures and tables as files beside it."""

import base64
import io
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

import genre
from genre.errors import GenreError
from genre.files import explain_full_disk
from genre.reports.theme import FigureFactory, theme

INDEX = "index.html"
FIGURES = "figures"
TABLES = "tables"
MARK = "<style>\n:root { --ink: "
"""In every report, since the first ones: what has it may be replaced by another report."""
PNG_DPI = 150
NUMBER = r"[-+<]?\d|–$"
"""How a cell begins that belongs to the right."""


@dataclass
class Section:
    """A heading and the blocks below it."""

    title: str
    anchor: str
    blocks: list[dict[str, Any]] = field(default_factory=list)


class Page:
    """Collects sections, then writes them.

    Args:
        title: Of the page.
        subtitle: One line below it.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title = title
        self.subtitle = subtitle
        self.sections: list[Section] = []
        self.files: dict[str, str] = {}

    def section(self, title: str) -> None:
        """Begin a section."""
        self.sections.append(Section(title, re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")))

    def text(self, text: str, kind: str = "text") -> None:
        """Add a paragraph; `kind` is text, code, note (something to mind) or result (what the numbers say)."""
        self._add(kind=kind, text=text)

    def table(self, table: pd.DataFrame, name: str, caption: str = "", shown: pd.DataFrame | None = None) -> None:
        """Add a table.

        Args:
            table: Its values, written to `tables/<name>.csv`.
            name: Of the file.
            caption: Below it.
            shown: The same as text, where numbers are to be rounded; None to show the values.
        """
        view = table if shown is None else shown
        view = view.astype(object).where(view.notna(), "–").astype(str)
        numeric = [False] + [bool(view[column].str.match(NUMBER).all()) for column in view.columns[1:]]
        self._add(
            kind="table",
            values=table,
            name=name,
            caption=caption,
            columns=list(zip(view, numeric, strict=True)),
            rows=view.to_numpy().tolist(),
        )

    def figure(self, draw: FigureFactory, name: str, alt: str, caption: str = "") -> None:
        """Add a figure.

        Args:
            draw: Makes it; called once for light and once for dark paper.
            name: Of its files, `figures/<name>.png` and `.svg`.
            alt: What it shows, for those who do not see it.
            caption: Below it.
        """
        self._add(kind="figure", draw=draw, name=name, alt=alt, caption=caption)

    def file(self, name: str, text: str) -> None:
        """Add a file beside the page."""
        self.files[name] = text.rstrip() + "\n"

    def write(self, folder: Path) -> Path:
        """Write the page and its files in place of those that were there, or nothing at all.

        Args:
            folder: Made if need be; its index.html, figures/ and tables/ are replaced.

        Returns:
            The page.

        Raises:
            GenreError: The folder holds a page, figures or tables of somebody else's.
        """
        index = folder / INDEX
        if not (index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")):
            for name in (INDEX, FIGURES, TABLES):
                if (folder / name).exists():
                    raise GenreError(f"{folder / name} is not a report's: write the report to another folder")
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".report-") as temporary, explain_full_disk(folder):
            made = Path(temporary)
            self._write(made)
            for name in (FIGURES, TABLES):
                shutil.rmtree(folder / name, ignore_errors=True)
                (made / name).rename(folder / name)
            return (made / INDEX).replace(folder / INDEX)

    def _write(self, folder: Path) -> None:
        for name in (FIGURES, TABLES):
            (folder / name).mkdir()
        blocks = [block for section in self.sections for block in section.blocks]
        for block in blocks:
            if block["kind"] == "table":
                block["values"].to_csv(folder / TABLES / f"{block['name']}.csv", index=False)
            elif block["kind"] == "figure":
                block["images"] = _draw(block["draw"], folder / FIGURES / block["name"])
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        environment = Environment(
            loader=PackageLoader("genre.reports", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        text = environment.get_template("page.html.j2").render(page=self, home=genre.__doc__)
        (folder / INDEX).write_text(text, encoding="utf-8")

    def _add(self, **block: Any) -> None:
        self.sections[-1].blocks.append(block)


def _draw(draw: FigureFactory, path: Path) -> dict[str, Markup]:
    """Write a figure as PNG and SVG; both papers' SVG as data addresses."""
    images = {}
    for name, dark in (("light", False), ("dark", True)):
        with theme(dark):
            figure = draw()
            svg = _svg(figure)
            if not dark:
                path.with_suffix(".svg").write_bytes(svg)
                figure.savefig(path.with_suffix(".png"), dpi=PNG_DPI)
        images[name] = Markup("data:image/svg+xml;base64," + base64.b64encode(svg).decode())
        images["width"] = Markup(f"{figure.get_figwidth() * 96:.0f}")
    return images


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, dpi=100)
    return buffer.getvalue()
