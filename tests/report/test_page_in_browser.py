"""The page as Chromium shows it: opened from disk, in both colour schemes and on a narrow screen."""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
)
SCHEMES = {"dark": 0, "light": 1}
"""Chromium's numbers for the colour scheme that a page is given as preferred."""
PROBE = """
<script>
const seen = {
  scheme: matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
  ground: getComputedStyle(document.body).backgroundColor,
  ink: getComputedStyle(document.body).color,
  window: document.documentElement.clientWidth,
  page: document.documentElement.scrollWidth,
  figures: [...document.querySelectorAll('figure svg')].map(svg => {
    const box = svg.getBoundingClientRect();
    return [box.width, box.height, svg.querySelectorAll('path, use, text').length];
  }),
  lost: [...document.querySelectorAll('figure svg use')].filter(
    use => !document.querySelector(use.getAttribute('href') || use.getAttribute('xlink:href'))).length,
  links: [...document.querySelectorAll('a')].map(link => link.getAttribute('href')),
  targets: [...document.querySelectorAll('[id]')].map(element => element.id),
};
const probe = document.createElement('pre');
probe.id = 'seen';
probe.textContent = JSON.stringify(seen);
document.body.append(probe);
</script>
"""


def chromium():
    named = os.environ.get("CHROME")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


pytestmark = pytest.mark.skipif(
    chromium() is None, reason=f"none of {', '.join(NAMES)} is on the path; CHROME names another"
)


def show(page, profile, scheme, width):
    """What the probe measures, and the lines of the browser's log that are the page's."""
    window = (f"--user-data-dir={profile}", f"--window-size={width},900")
    command = (*window, f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", "--dump-dom", page.as_uri())
    done = subprocess.run([chromium(), *QUIET, *command], capture_output=True, text=True, timeout=180)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(unescape(found.group(1))), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def shown(whole_report, tmp_path_factory):
    """The report, and what is seen of it by colour scheme and width."""
    folder, report = tmp_path_factory.mktemp("browser"), whole_report
    page = folder / "probed.html"
    # The page's policy lets no script run but its own, and the probe is one more.
    text = re.sub(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", report.page.read_text())
    page.write_text(text.replace("</body>", f"{PROBE}</body>"))
    views = [("dark", 390), ("light", 1400)]
    with ThreadPoolExecutor(len(views)) as browsers:
        seen = [browsers.submit(show, page, folder / f"profile{width}", scheme, width) for scheme, width in views]
        return report, {view: future.result() for view, future in zip(views, seen, strict=True)}


def test_the_console_is_silent(shown):
    _, views = shown
    assert [log for _, log in views.values()] == [[], []]


def test_every_figure_is_drawn(shown):
    report, views = shown
    for seen, _ in views.values():
        assert len(seen["figures"]) == len([file for file in report.files if file.suffix == ".svg"]) > 3
        for width, height, marks in seen["figures"]:
            assert width > 200
            assert height > 100
            assert marks > 10
        assert seen["lost"] == 0


def test_every_link_leads_somewhere(shown):
    report, views = shown
    (seen, _), *_ = views.values()
    assert len(seen["links"]) > 20
    for link in seen["links"]:
        if link.startswith("#"):
            assert link[1:] in seen["targets"]
        else:
            assert (report.folder / link).is_file(), link


def test_both_colour_schemes_are_followed(shown):
    _, views = shown
    for (scheme, _), (seen, _) in views.items():
        light = [sum(map(int, re.findall(r"\d+", seen[part])[:3])) / 3 for part in ("ground", "ink")]
        assert seen["scheme"] == scheme
        assert (light[0] < 64 and light[1] > 191) if scheme == "dark" else (light[0] > 191 and light[1] < 64)


def test_the_page_is_no_wider_than_the_window(shown):
    _, views = shown
    for seen, _ in views.values():
        assert seen["page"] <= seen["window"]
