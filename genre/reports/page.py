"""HTML pages of text, tables and figures: one self-contained file, with its figures and tables as files beside it."""

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
from matplotlib.figure import Figure

from genre.errors import GenreError
from genre.files import explain_full_disk
from genre.reports.theme import theme

INDEX = "index.html"
FIGURES = "figures"
TABLES = "tables"
MARK = "<style>\n:root { --ink: "
"""Text in every report, of every version: a page that has it may be replaced."""
PNG_DPI = 150
NUMBER = r"[-+<]?\d|–$"
"""Start of a cell that is aligned to the right."""


@dataclass
class Section:
    """A heading and the blocks below it."""

    title: str
    anchor: str
    blocks: list[dict[str, Any]] = field(default_factory=list)


class Page:
    """A page that is filled section by section, then written.

    Args:
        title: Title of the page.
        subtitle: Line below the title.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title = title
        self.subtitle = subtitle
        self.sections: list[Section] = []
        self.files: dict[str, bytes] = {}

    def section(self, title: str) -> None:
        """Start a section, to which everything is added that follows."""
        self.sections.append(Section(title, re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")))

    def text(self, text: str, kind: str = "text") -> None:
        """Add a paragraph; `kind` is text, code, note (a caveat) or result (a conclusion)."""
        self._add(kind=kind, text=text)

    def table(self, table: pd.DataFrame, name: str, caption: str = "", shown: pd.DataFrame | None = None) -> None:
        """Add a table.

        Args:
            table: Values, written to `tables/<name>.csv`.
            name: Name of the file.
            caption: Text below the table.
            shown: The table as text, with rounded numbers; None to show the values.
        """
        self.files[f"{TABLES}/{name}.csv"] = table.to_csv(index=False).encode()
        view = table if shown is None else shown
        view = view.astype(object).where(view.notna(), "–").astype(str)
        numeric = [False] + [bool(view[column].str.match(NUMBER).all()) for column in view.columns[1:]]
        columns = list(zip(view, numeric, strict=True))
        self._add(kind="table", name=name, caption=caption, columns=columns, rows=view.to_numpy().tolist())

    def figure(self, figure: Figure, name: str, alt: str, caption: str = "") -> None:
        """Add a figure.

        Args:
            figure: The figure.
            name: Name of its files, `figures/<name>.png` and `.svg`.
            alt: Description for readers who do not see it.
            caption: Text below the figure.
        """
        with theme():
            svg, png = io.BytesIO(), io.BytesIO()
            figure.savefig(svg, format="svg", metadata={"Date": None}, dpi=100)
            figure.savefig(png, format="png", dpi=PNG_DPI)
        self.files |= {f"{FIGURES}/{name}.svg": svg.getvalue(), f"{FIGURES}/{name}.png": png.getvalue()}
        source = "data:image/svg+xml;base64," + base64.b64encode(svg.getvalue()).decode()
        width = f"{figure.get_figwidth() * 96:.0f}"
        self._add(kind="figure", name=name, alt=alt, caption=caption, source=source, width=width)

    def file(self, name: str, text: str) -> None:
        """Add a text file beside the page."""
        self.files[name] = (text.rstrip() + "\n").encode()

    def write(self, folder: Path) -> Path:
        """Write the page and its files, all or nothing, replacing those of an earlier report.

        Args:
            folder: Folder of the report, created if needed; its index.html, figures/ and tables/ are replaced.

        Returns:
            Path of the page.

        Raises:
            GenreError: The folder holds files of these names that no report wrote, or the disk is full.
        """
        index = folder / INDEX
        if not (index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")):
            for name in (INDEX, FIGURES, TABLES):
                if (folder / name).exists():
                    raise GenreError(f"{folder / name} was not written by a report: choose another output folder")
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".report-") as temporary, explain_full_disk(folder):
            new = Path(temporary)
            for name in (FIGURES, TABLES):
                (new / name).mkdir()
            for name, content in self.files.items():
                (new / name).write_bytes(content)
            (new / INDEX).write_text(self._html(), encoding="utf-8")
            for name in (FIGURES, TABLES):
                shutil.rmtree(folder / name, ignore_errors=True)
                (new / name).rename(folder / name)
            return (new / INDEX).replace(index)

    def _html(self) -> str:
        loader = PackageLoader("genre.reports", ".")
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        return environment.get_template("page.html.j2").render(page=self)

    def _add(self, **block: Any) -> None:
        self.sections[-1].blocks.append(block)
