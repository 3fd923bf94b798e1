"""The demo page in a real browser."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from genre import Predictor
from genre.inference.serve import MAX_MEGABYTES
from tests.browser import browser, elements_wider_than_the_page  # noqa: F401
from tests.conftest import PITCHES, sound, write_sound

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
WAIT_MS = 120_000


@pytest.fixture(scope="module")
def site(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address of a demo that nothing but this machine can be reached from, and the folder of its temporary files."""
    folder = tmp_path_factory.mktemp("temporary")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    command = [sys.executable, "-m", "genre.cli", "serve", "--run", str(trained), "--port", str(port)]
    environment = {**os.environ, **nowhere, "TMPDIR": str(folder)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith(f"serving on http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}/", folder
        server.send_signal(signal.SIGTERM)
    assert server.returncode == 0
    assert not list(folder.glob("genre-serve-*"))


def open_page(browser: "Browser", address: str, width: int = 1200) -> "Page":  # noqa: F811
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(address)
    page.get_by_role("button", name="Try an example").wait_for(timeout=WAIT_MS)
    return page


def upload(page: "Page", path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(path)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("songs") / "a song.mp3", sound(7, seconds=5.0, pitch=PITCHES["rock"]))


@pytest.mark.parametrize("width", [400, 1200])
def test_a_song_is_answered_within_the_page_and_from_this_machine_alone(
    browser: "Browser",  # noqa: F811
    site: tuple[str, Path],
    song: Path,
    trained: Path,
    width: int,
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(site[0])
    page.locator("input[type=file]").first.wait_for(state="attached", timeout=WAIT_MS)
    assert not elements_wider_than_the_page(page)
    upload(page, song)
    wide = []
    image = page.locator("#timeline img")
    deadline = time.monotonic() + WAIT_MS / 1000
    while not image.count() and time.monotonic() < deadline:  # also while the player loads
        wide += elements_wider_than_the_page(page)
        page.wait_for_timeout(50)
    for _ in range(20):
        wide += elements_wider_than_the_page(page)
        page.wait_for_timeout(50)
    assert not wide
    shown = page.locator("#genres").inner_text().split()
    for genre, probability in Predictor.load(trained)(song).top(3):
        place = shown.index(genre, 2 if genre == shown[1] else 0)  # after the heading
        assert f"{round(100 * probability)}%" in shown[place + 1 : place + 3]
    assert len(requests) > 10
    assert all(re.match(rf"(blob:)?{site[0]}|data:", request) for request in requests)
    page.close()


def test_what_is_not_a_song_is_refused(browser: "Browser", site: tuple[str, Path], tmp_path: Path) -> None:  # noqa: F811
    page = open_page(browser, site[0])
    (tmp_path / "notes.txt").write_text("import os")
    upload(page, tmp_path / "notes.txt")
    page.get_by_text("Invalid file type").first.wait_for(timeout=WAIT_MS)
    (tmp_path / "notes.mp3").write_text("import os\n" * 1000)
    upload(page, tmp_path / "notes.mp3")
    refusal = page.get_by_role("alert").filter(has_text="Sorry")
    refusal.wait_for(timeout=WAIT_MS)
    assert "libsndfile does not recognize the format" in refusal.inner_text()
    page.close()


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    browser: "Browser",  # noqa: F811
    site: tuple[str, Path],
    tmp_path: Path,
) -> None:
    page = open_page(browser, site[0])
    with (tmp_path / "long.wav").open("wb") as file:
        file.truncate((MAX_MEGABYTES + 1) * 2**20)
    upload(page, tmp_path / "long.wav")
    page.get_by_text(f"exceed the maximum allowed size of {MAX_MEGABYTES}").first.wait_for(timeout=WAIT_MS)
    assert not page.locator("#timeline img").count()
    page.close()


def visit(address: str, song: Path, number: int) -> dict:
    """What the server answers to the requests of a page, without the memory of a browser."""
    with httpx.Client(base_url=f"{address}gradio_api", timeout=WAIT_MS / 1000, trust_env=False) as client:
        session = f"visitor{number}"
        path = client.post("upload", files={"files": (song.name, song.read_bytes(), "audio/mpeg")}).json()[0]
        data = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
        client.post("queue/join", json={"data": data, "fn_index": 0, "session_hash": session}).raise_for_status()
        with client.stream("GET", "queue/data", params={"session_hash": session}) as events:
            for line in events.iter_lines():
                if line.startswith("data:") and (event := json.loads(line[5:]))["msg"] == "process_completed":
                    return event
    raise AssertionError("no answer")


def test_twenty_visitors_at_once_are_all_answered(browser: "Browser", site: tuple[str, Path], song: Path) -> None:  # noqa: F811
    page = open_page(browser, site[0])
    with ThreadPoolExecutor(19) as visitors:
        others = [visitors.submit(visit, site[0], song, number) for number in range(19)]
        upload(page, song)
        page.locator("#timeline img").wait_for(timeout=WAIT_MS)
        answers = [other.result()["output"]["data"] for other in others]
    genre = page.locator("#genres").inner_text().split()[1]
    assert all(bars["value"]["label"] == genre and picture.startswith("<img") for bars, picture in answers)
    page.close()


def test_the_example_is_answered(browser: "Browser", site: tuple[str, Path]) -> None:  # noqa: F811
    page = open_page(browser, site[0])
    page.get_by_role("button", name="Try an example").click()
    page.locator("#timeline img").wait_for(timeout=WAIT_MS)
    assert "mostly" in (page.locator("#timeline img").get_attribute("alt") or "")
    page.close()


def test_a_recording_is_answered(browser: "Browser", site: tuple[str, Path]) -> None:  # noqa: F811
    page = open_page(browser, site[0])
    page.get_by_label("Record audio").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(4000)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator("#timeline img").wait_for(timeout=WAIT_MS)
    page.close()
