"""A web page that predicts the genres of uploaded or recorded songs."""

import base64
import html
import io
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import soundfile

from genre.audio.decoding import AudioError
from genre.audio.streaming import Excerpt, stream_clips
from genre.errors import GenreError
from genre.inference.extras import require
from genre.inference.prediction import Classifier, Prediction, predict_track
from genre.inference.timeline import draw_timeline
from genre.synthetic.artist import Artist
from genre.synthetic.composer import render
from genre.synthetic.genres import GENRES

MAX_MEGABYTES = 50
MAX_MINUTES = 15
KEPT_SECONDS = 300
"""An upload is deleted when it is older. Not at once: two visitors with the same file share one copy of it."""
SWEEP_SECONDS = 60
WAITING = 100
"""Visitors in the queue; the next ones are told to come back."""
SHOWN = 8
"""Genres with a bar."""
EXAMPLE_RATE = 22050
CSS = """
.gradio-container {max-width: min(760px, 100vw) !important; margin: 0 auto !important}
#song, #song * {min-width: 0}  /* the player would widen the page of a phone while it loads */
#timeline img {display: block; width: 100%; height: auto; background: white; border-radius: 8px}
#timeline p[role=alert] {padding: 12px 16px; border-left: 4px solid #d55e00; background: #fff3ea; color: #1f2328}
"""


def serve_page(classifier: Classifier, host: str, port: int) -> None:
    """Serve the page until the process is interrupted. Uploads lie in a temporary folder and are deleted.

    Args:
        classifier: Classifies clips.
        host: Address to listen on.
        port: Port to listen on.

    Raises:
        GenreError: gradio is missing, or the address cannot be used.
    """
    # No calls home: gradio reads these when it is imported
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
    for name in ("NO_PROXY", "no_proxy"):  # gradio asks its own server whether it runs
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost", "127.0.0.1", host]))
    with tempfile.TemporaryDirectory(prefix="genre-serve-", ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = tempfile.tempdir = folder  # also of uploads that are not complete
        gradio = require("gradio")
        page = build_page(gradio, classifier, _write_example(Path(folder), classifier.genres))
        signal.signal(signal.SIGTERM, _stop)
        try:
            page.launch(
                server_name=host,
                server_port=port,
                max_file_size=f"{MAX_MEGABYTES}mb",
                theme=gradio.themes.Default(font="sans-serif", font_mono="monospace"),
                css=CSS,
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                share=False,
                ssr_mode=False,
                mcp_server=False,
                pwa=False,
                inbrowser=False,
                quiet=True,
                prevent_thread_lock=True,
            )
        except OSError as error:
            raise GenreError(f"cannot listen on {host}, port {port}: choose another --port or --host") from error
        print(f"serving on http://{host}:{port}, stop with Ctrl-C", flush=True)
        try:
            threading.Event().wait()
        finally:
            page.close()


def build_page(gradio: Any, classifier: Classifier, example: Path) -> Any:
    """Lay out the page.

    Args:
        gradio: The package.
        classifier: Classifies clips.
        example: Recording behind the button.

    Returns:
        The page as `gradio.Blocks`.
    """

    def answer(path: str | None) -> tuple[Any, str]:
        if path is None:
            return gradio.Label(visible=False), ""
        with tempfile.TemporaryDirectory() as folder:  # a copy, because a visitor with the same file replaces this one
            try:
                prediction, figure = analyze(classifier, Path(shutil.copy(path, folder)))
            except AudioError as error:
                return gradio.Label(visible=False), refusal(error)
        bars = dict(prediction.top(SHOWN))
        return gradio.Label(bars, visible=True), figure

    with gradio.Blocks(
        title="Music genres", analytics_enabled=False, delete_cache=(SWEEP_SECONDS, KEPT_SECONDS)
    ) as page:
        gradio.Markdown(
            f"# What genre is it?\nDrop a song or record one: at most {MAX_MINUTES} minutes and {MAX_MEGABYTES} MB, "
            f"as mp3, flac, ogg, wav or au. It is deleted within {round((KEPT_SECONDS + SWEEP_SECONDS) / 60)} minutes."
        )
        song = gradio.Audio(
            sources=["upload", "microphone"], type="filepath", label="Song", editable=False, buttons=[], elem_id="song"
        )
        button = gradio.Button("Try an example: synthetic music")
        bars = gradio.Label(label="Genres", num_top_classes=SHOWN, visible=False, elem_id="genres")
        timeline = gradio.HTML(elem_id="timeline")
        private = {"api_visibility": "private"}
        shown = {"fn": answer, "inputs": song, "outputs": [bars, timeline], "concurrency_limit": 1, **private}
        gradio.on([song.upload, song.stop_recording, song.clear], **shown)
        button.click(lambda: str(example), outputs=song, queue=False, **private).then(**shown)
    page.queue(max_size=WAITING)
    return page


def analyze(classifier: Classifier, path: Path) -> tuple[Prediction, str]:
    """Predict the genres of a recording, and draw them over time.

    Args:
        classifier: Classifies clips.
        path: The recording.

    Returns:
        The prediction, and an HTML image of its timeline.

    Raises:
        AudioError: The recording cannot be used or is too long.
    """
    try:
        with suppress(soundfile.LibsndfileError):  # what is wrong with the file, the decoding will say
            _check_duration(soundfile.info(path).duration)
        prediction = predict_track(classifier, _limited_clips(path, classifier))
        figure = draw_timeline(path, prediction, classifier, narrow=True)
    except OSError as error:
        raise AudioError("unreadable", error.strerror or "it cannot be read") from error
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=200)
    data = base64.b64encode(picture.getvalue()).decode()
    text = html.escape(f"Mel spectrogram, and below it the genres over time: mostly {prediction.genre}", quote=True)
    return prediction, f'<img alt="{text}" src="data:image/png;base64,{data}">'


def refusal(error: AudioError) -> str:
    """Say as HTML why a recording cannot be used."""
    return f'<p role="alert">Sorry, this recording cannot be used: {html.escape(error.detail)}.</p>'


def _limited_clips(path: Path, classifier: Classifier) -> Iterator[Excerpt]:
    """The clips of a recording, whose header may declare less than it holds."""
    for clip in stream_clips(path, classifier.sample_rate, classifier.clip_seconds):
        _check_duration(clip.start + len(clip.samples) / classifier.sample_rate)
        yield clip


def _check_duration(seconds: float) -> None:
    if seconds > MAX_MINUTES * 60:
        raise AudioError("too_long", f"it is longer than {MAX_MINUTES} minutes")


def _write_example(folder: Path, genres: list[str]) -> Path:
    """Write a track of the synthetic data set, of a genre that the model knows if there is one."""
    genre = next((genre for genre in GENRES if genre in genres), next(iter(GENRES)))
    path = folder / f"synthetic {genre.replace('/', '-')}.mp3"
    soundfile.write(path, render(Artist.sample(0, 0, genre), 0, 30.0, EXAMPLE_RATE), EXAMPLE_RATE, format="MP3")
    return path


def _stop(number: int, frame: FrameType | None) -> None:
    """End the process as an exception, so that the temporary folder is deleted."""
    sys.exit(0)
