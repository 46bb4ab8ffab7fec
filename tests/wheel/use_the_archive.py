"""What `pip install museion[archive]` can do, from the wheel alone: ingest, search, serve a page.

usage: use_the_archive.py REPOSITORY FOLDER_WITH_PHOTOS
"""
# ruff: noqa: T201 (what it prints is its report)

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx

import museion

PHOTOS = ("P1050912.jpg", "churchill-030.jpg", "IMG_0042.jpg")
WORDS = "two dogs looking out of a window"


def run(*arguments: str) -> str:
    """Run the command of this environment and return what it printed."""
    done = subprocess.run(["museion", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"museion {arguments}: {done.stderr}"
    return done.stdout


repository, photos = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
package = Path(museion.__file__).resolve().parent
assert repository not in package.parents, f"museion was imported from the repository: {package}"
for path in map(Path, filter(None, sys.path)):
    assert repository not in [path, *path.parents], f"{path} of the repository is on the path"
page = package / "api" / "static" / "index.html"
assert page.is_file(), "the web page is not in the wheel"
assert list(page.parent.glob("assets/*.js")), "the scripts of the web page are not in the wheel"
card = next(package.glob("models/weights/*/CARD.md"), None)
assert card is not None, "the model card is not in the wheel"
print(f"   package at {package.relative_to(Path.cwd())}, page and model card inside")

Path("photos").mkdir()
for name in PHOTOS:
    shutil.copy(photos / name, "photos")
run("init", "site")
print("   " + run("ingest", "--site", "site", "photos").strip())
hits = [json.loads(line) for line in run("search", "--site", "site", "--json", WORDS).splitlines()]
assert hits[0]["filename"] == PHOTOS[0], f"{WORDS!r} found {hits[0]['filename']} first"
print(f"   {WORDS!r} finds {hits[0]['filename']}: {hits[0]['why'][0]['text']}")

server = subprocess.Popen(
    ["museion", "serve", "--site", "site", "--port", "0", "--json"], stdout=subprocess.PIPE
)
try:
    assert server.stdout is not None
    url = json.loads(server.stdout.readline())["url"]
    page_text = httpx.get(url, timeout=20, trust_env=False).text
    assert "/assets/" in page_text, "the page is not the built one"
    print(f"   the page is served at {url}")
finally:
    server.terminate()
    server.wait(20)
