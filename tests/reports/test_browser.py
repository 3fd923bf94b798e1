"""Pages in a real browser: they fit the window, and every figure shows on a white card, in light and dark schemes."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre.evaluation import runs
from genre.evaluation.comparison import compare
from genre.reports import comparison
from genre.reports.figures import confusion_figure
from genre.reports.page import Page
from tests.evaluation.conftest import write_run

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"),
]

PROBE = """<script>addEventListener("load", () => {
const images = [...document.images].filter(image =>
image.naturalWidth > 0 && image.currentSrc.startsWith("data:") &&
getComputedStyle(image).backgroundColor === "rgb(255, 255, 255)");
document.title = [document.documentElement.scrollWidth, innerWidth, images.length, document.images.length,
getComputedStyle(document.body).backgroundColor, performance.getEntriesByType("resource").length].join("|");
});</script></body>"""


def probe(page: Path, width: int, dark: bool) -> list[str]:
    """Ask the browser for: used width, window width, figures that show, figures, background, requests."""
    copy = page.with_name("probe.html")
    copy.write_text(page.read_text().replace("</body>", PROBE))
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    command += [f"--window-size={width},900", f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    command += ["--dump-dom", copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = re.search(r"<title>(.*?)</title>", done.stdout)
    assert found is not None
    return found.group(1).split("|")


@pytest.mark.parametrize("width", [1280, 500])  # narrower windows than 500 this browser does not open
@pytest.mark.parametrize("dark", [False, True])
def test_pages_fit_and_show(tmp_path: Path, width: int, dark: bool) -> None:
    for name in ("a model of a rather long name", "b"):
        for seed in (1, 2):
            write_run(tmp_path / f"{name}-{seed}", np.arange(60) % 3 != seed, (f"label={name}", f"seed={seed}"))
    result = compare(runs.find_run_folders([str(tmp_path)]), ensemble=True)
    page = comparison.write_comparison_report(result, tmp_path / "report")
    used, given, shown, figures, background, requests = probe(page, width, dark)
    assert int(used) <= int(given)
    assert shown == figures == "2"
    assert background == ("rgb(22, 24, 28)" if dark else "rgb(255, 255, 255)")
    assert int(requests) == 0


def test_a_page_of_sixteen_long_names_fits(tmp_path: Path) -> None:
    names = [f"Old-Time / Historic number {number}" for number in range(16)]
    counts = pd.DataFrame(np.eye(16, dtype=int) * 6, pd.Index(names), pd.Index(names))
    page = Page("Genres")
    page.section("Confusion")
    page.figure(confusion_figure(counts), "confusion", "A matrix.")
    page.table(counts.reset_index(), "confusion", "A matrix.")
    used, given, shown, figures, *_ = probe(page.write(tmp_path), 500, False)
    assert int(used) <= int(given)
    assert shown == figures == "1"
