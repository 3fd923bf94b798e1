"""HTML pages of text, tables and figures: one self-contained file, with its figures and tables as files beside it."""

import base64
import io
import re
import shutil
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from genre.errors import GenreError
from genre.files import explain_full_disk
from genre.reports.theme import theme

INDEX = "index.html"
FIGURES = "figures"
TABLES = "tables"
MARK = "<style>\n:root { --ink: "
"""Text in every report, of every version: a page that has it may be replaced."""
PNG_DPI = 150
PNG_COLORS = 64
"""Colors of the spectrograms and other images within a figure."""
NUMBER = r"[-+<]?\d|–$"
"""Start of a cell that is aligned to the right."""

TEMPLATE = Environment(
    loader=PackageLoader("genre.reports", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
).get_template("page.html.j2")


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
        facts: Names and values below it.
        banner: Warning in large letters above the title.
        source: What the page was made from, by which `own_folder` recognizes it.
    """

    def __init__(
        self, title: str, subtitle: str = "", facts: dict[str, str] | None = None, banner: str = "", source: str = ""
    ) -> None:
        self.title, self.subtitle, self.facts, self.banner, self.source = title, subtitle, facts or {}, banner, source
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
            shown: The table as text, with rounded numbers, or as `Markup`; None to show the values.
        """
        self.files[f"{TABLES}/{name}.csv"] = table.to_csv(index=False).encode()
        view = table if shown is None else shown
        view = view.astype(object).where(view.notna(), "–")
        numeric = [False] + [bool(view[column].astype(str).str.match(NUMBER).all()) for column in view.columns[1:]]
        rows = [[cell if isinstance(cell, Markup) else str(cell) for cell in row] for row in view.to_numpy()]
        self._add(kind="table", name=name, caption=caption, columns=list(zip(view, numeric, strict=True)), rows=rows)

    def figure(self, figure: Figure, name: str, alt: str, caption: str = "") -> None:
        """Add a figure; consecutive narrow ones stand side by side where there is room.

        Args:
            figure: The figure.
            name: Name of its files, `figures/<name>.png` and `.svg`.
            alt: Description for readers who do not see it.
            caption: Text below the figure.
        """
        with theme():
            svg, png = io.StringIO(), io.BytesIO()
            figure.savefig(svg, format="svg", metadata={"Date": None}, dpi=100)
            figure.savefig(png, format="png", dpi=PNG_DPI)
        text = re.sub(
            r"(data:image/png;base64,)([^\"]+)", lambda found: found[1] + _palette_png(found[2]), svg.getvalue()
        )
        self.files |= {f"{FIGURES}/{name}.svg": text.encode(), f"{FIGURES}/{name}.png": png.getvalue()}
        image = Markup('<img src="data:image/svg+xml,{}" width="{:.0f}" alt="{}">').format(
            quote(text, safe=" /:;=,()!*"), figure.get_figwidth() * 96, alt
        )
        self._add(kind="figure", name=name, caption=caption, image=image, half=figure.get_figwidth() < 5)

    def drawing(self, svg: str, name: str, alt: str, caption: str = "") -> None:
        """Add a figure that is written as SVG, whose titles show where the mouse points; see `figure`."""
        self.files[f"{FIGURES}/{name}.svg"] = svg.encode()
        image = Markup('<div role="img" aria-label="{}">{}</div>').format(alt, Markup(svg))
        self._add(kind="figure", name=name, caption=caption, image=image, half=False)

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
        index, beside = folder / INDEX, [name for name in self.files if "/" not in name]
        if not _is_report(index):
            for name in (INDEX, FIGURES, TABLES, *beside):
                if (folder / name).exists():
                    raise GenreError(f"{folder / name} was not written by a report: choose another output folder")
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".report-") as temporary, explain_full_disk(folder):
            new = Path(temporary)
            for name in (FIGURES, TABLES):
                (new / name).mkdir()
            for name, content in self.files.items():
                (new / name).write_bytes(content)
            (new / INDEX).write_text(TEMPLATE.render(page=self), encoding="utf-8")
            for name in (FIGURES, TABLES):
                shutil.rmtree(folder / name, ignore_errors=True)
                (new / name).rename(folder / name)
            for name in beside:
                (new / name).replace(folder / name)
            return (new / INDEX).replace(index)

    def _add(self, **block: Any) -> None:
        self.sections[-1].blocks.append(block)


def own_folder(folder: Path, source: str) -> Path:
    """First of `folder`, `folder-2` and so on that holds no report of another source."""
    mark = str(Markup('<meta name="source" content="{}">').format(source))
    candidate = folder
    for number in count(2):
        text = (candidate / INDEX).read_text(errors="replace") if _is_report(candidate / INDEX) else ""
        if mark in text or '<meta name="source"' not in text:
            break
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def _is_report(index: Path) -> bool:
    return index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")


def _palette_png(encoded: str) -> str:
    """Encode an image within a figure again, with a palette: a third of the size."""
    image, smaller = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"), io.BytesIO()
    opaque = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    opaque.convert("RGB").quantize(PNG_COLORS).save(smaller, "png", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()
