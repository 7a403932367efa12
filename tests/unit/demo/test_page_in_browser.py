import functools
import json
import re
import shutil
import subprocess
import threading
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from sightline.demo.draw import Look, draw_product
from sightline.demo.page import Card, Row, Section, write_gallery
from sightline.images.codec import encode

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync --no-proxy-server"
)  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium here (Debian: apt install chromium)"),
]

# The gallery forbids scripts, so a second page of the same origin looks into it from outside,
# while the gallery's own policy is in force.
OBSERVER = """<!doctype html><iframe src="gallery.html" width="1200" height="800"></iframe>
<pre></pre>
<script>
window.onload = () => {
  const page = document.querySelector("iframe").contentDocument;
  const images = [...page.images].map((image) => [image.naturalWidth, image.width]);
  const card = page.querySelector(".card");
  const overflow = page.documentElement.scrollWidth - page.documentElement.clientWidth;
  const styled = page.defaultView.getComputedStyle(page.querySelector("ol")).display;
  const shares = [...page.querySelectorAll(".found")].map(
    (found) => found.offsetWidth / found.parentElement.offsetWidth);
  document.querySelector("pre").textContent = JSON.stringify({images, overflow, styled, shares});
};
</script>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def base_url(tmp_path):
    handler = functools.partial(Quiet, directory=tmp_path / "site")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_browser_shows_every_picture_of_the_page(base_url, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    cards = [
        Card(kind, image=encode(draw_product(
            Look(kind, "red", "dots", "matte"), width=96, height=120, rng=np.random.default_rng(0)
        ), "JPEG"))
        for kind in ("mug", "tee", "vase", "clock")
    ]  # fmt: skip
    rows = [
        Row("U1", "Picked", cards[:2], "Ranked", [*cards[2:], Card("No picture")]),
        Row("red mug", "", (), "Found", [Card("No picture")]),
    ]
    write_gallery(site / "gallery.html", title="Shop", sections=[Section("Ranked", rows=rows)])
    (site / "observer.html").write_text(OBSERVER)
    command = [
        CHROMIUM,
        *FLAGS.split(),
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        f"{base_url}/observer.html",
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    seen = json.loads(unescape(re.search("<pre>(.*)</pre>", dom)[1]))
    assert [natural for natural, _ in seen["images"]] == [96] * 4
    assert all(shown > 50 for _, shown in seen["images"])
    assert seen["overflow"] == 0
    assert seen["styled"] == "grid"
    beside, alone = seen["shares"]  # what was found, of the row's width
    assert beside < 0.75
    assert alone == 1
