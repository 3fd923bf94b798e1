"""Pages in a real browser, on a phone and on a screen, in light and dark: nothing is cut off, every figure shows."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genre.evaluation import runs
from genre.evaluation.comparison import compare
from genre.evaluation.runs import EvaluatedRun
from genre.reports import comparison
from genre.reports.figures import confusion_figure
from genre.reports.page import Page
from genre.reports.run import write_run_report
from tests.evaluation.conftest import write_run

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"),
]

PROBE = """<script>addEventListener("load", () => {
const page = document.documentElement.clientWidth;
const scrollers = [...document.querySelectorAll(".wide")];
const scrolls = element => scrollers.some(other => other !== element && other.contains(element));
const right = element => element.getBoundingClientRect().right;
const images = [...document.querySelectorAll("figure img, figure svg")];
parent.postMessage({
window: innerWidth,
wide: [...document.body.querySelectorAll("*")].filter(one => !scrolls(one) && right(one) > page + 1)
.map(one => one.outerHTML.slice(0, 80)),
without_bar: scrollers.filter(one =>
one.scrollWidth > one.clientWidth && one.offsetHeight - one.clientHeight < 4).length,
lost: [...document.querySelectorAll("td:first-child, td.verdict")].filter(one => right(one) > page + 1).length,
blank: images.filter(image =>
image.naturalWidth === 0 || getComputedStyle(image).backgroundColor !== "rgb(255, 255, 255)").length,
figures: images.length,
background: getComputedStyle(document.body).backgroundColor,
requests: performance.getEntriesByType("resource").length}, "*");
});</script></body>"""
FRAME = """<body style="margin:0"><iframe src="probe.html" style="border:0;width:{}px;height:{}px"></iframe><script>
addEventListener("message", event => document.title = JSON.stringify(event.data));</script></body>"""
"""This browser opens no window narrower than 500 pixels, but frames of any width."""


def open_page(page: Path, width: int, dark: bool, *options: str) -> str:
    """Open a page in a window of some width, and return the document as it is then."""
    page.with_name("probe.html").write_text(page.read_text().replace("</body>", PROBE))
    frame = page.with_name("frame.html")
    frame.write_text(FRAME.format(width, 12000))
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    command += [f"--window-size={max(width, 500)},12000", f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    return subprocess.run(
        [*command, *options, frame.as_uri()], capture_output=True, text=True, timeout=120, check=True
    ).stdout


def check_page(page: Path, width: int, dark: bool) -> dict[str, Any]:
    """Check that a page fits the window and shows its figures, take a screenshot, and return what the browser found."""
    text = re.search(r"<title>(.*?)</title>", open_page(page, width, dark, "--dump-dom"))
    assert text is not None
    found: dict[str, Any] = json.loads(html.unescape(text.group(1)))
    assert found["window"] == width
    assert found["wide"] == []
    assert (found["without_bar"], found["lost"], found["blank"], found["requests"]) == (0, 0, 0, 0)
    assert found["background"] == ("rgb(22, 24, 28)" if dark else "rgb(255, 255, 255)")
    picture = page.with_name(f"{width}-{'dark' if dark else 'light'}.png")
    open_page(page, width, dark, f"--screenshot={picture}")
    assert picture.stat().st_size > 10_000
    return found


@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_comparisons_fit_and_show(tmp_path: Path, width: int, dark: bool) -> None:
    for name in ("a model of a rather long name", "b"):
        for seed in (1, 2):
            write_run(tmp_path / f"{name}-{seed}", np.arange(60) % 3 != seed, (f"label={name}", f"seed={seed}"))
    result = compare(list(runs.find_runs(str(tmp_path))), ensemble=True)
    page = comparison.write_comparison_report(result, tmp_path / "report")
    assert check_page(page, width, dark)["figures"] == 2


@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_runs_fit_and_show(run: EvaluatedRun, tmp_path: Path, width: int, dark: bool) -> None:
    page = write_run_report(run, tmp_path)
    figures = len(list((tmp_path / "figures").glob("*.svg")))
    assert check_page(page, width, dark)["figures"] == figures
    assert page.stat().st_size < 1e6


def test_a_page_of_sixteen_long_names_fits(tmp_path: Path) -> None:
    names = [f"Old-Time / Historic number {number}" for number in range(16)]
    counts = pd.DataFrame(np.eye(16, dtype=int) * 6, pd.Index(names), pd.Index(names))
    page = Page("Genres", facts={"command": "python train.py " + "data.exclude_genres=[a,b,c,d,e,f,g,h,i,j]" * 4})
    page.section("Confusion")
    page.figure(confusion_figure(counts), "confusion", "A matrix.")
    page.table(counts.reset_index(), "confusion", "A matrix.")
    assert check_page(page.write(tmp_path), 400, False)["figures"] == 1
