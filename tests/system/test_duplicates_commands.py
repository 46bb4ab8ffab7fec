"""`museion duplicates` and its routes, from pictures to the undo."""

from __future__ import annotations

from pathlib import Path

import pyvips
from running_site import run_museion, serving

from museion.testing.media import image_bytes
from museion.testing.scenes import paint_scene


def _pictures(folder: Path) -> Path:
    """Make a photo, two lesser ones of it, and another photo."""
    folder.mkdir()
    photo = pyvips.Image.new_from_array(paint_scene(640, 480, seed=3))
    other = pyvips.Image.new_from_array(paint_scene(640, 480, seed=8))
    for name, image, quality in (
        ("photo.jpg", photo, 92),
        ("small.jpg", photo.resize(0.7), 85),
        ("poor.jpg", photo.resize(0.8), 40),
        ("other.jpg", other, 90),
    ):
        (folder / name).write_bytes(image_bytes(image, ".jpg", Q=quality))
    return folder


def test_duplicates_are_kept_taken_back_and_dismissed(tmp_path: Path) -> None:
    site = tmp_path / "site"
    at = ("--site", site)
    run_museion("init", site, "--name", "North")
    rows = run_museion("ingest", *at, "--json", _pictures(tmp_path / "in")).rows
    ids = {row["filename"]: row["id"] for row in rows}
    photo, small, poor = ids["photo.jpg"], ids["small.jpg"], ids["poor.jpg"]
    with serving(site) as served:
        changes = {"by": "Ann", "add_tags": ["sea"], "set": {"caption": "Dawn"}}
        served.http.patch(f"/api/assets/{small}", json=changes).raise_for_status()

        (group,) = run_museion("duplicates", "list", *at, "--json").rows
        assert {each["id"] for each in group["members"]} == {photo, small, poor}
        assert (group["suggested"], group["why"]) == (photo, ["most pixels (640 × 480)"])
        shown = run_museion("duplicates", "show", *at, small).out
        assert f"* {photo}" in shown
        assert "takes over caption: Dawn" in shown

        (kept,) = run_museion("duplicates", "keep", *at, "--json", "--suggested", "--yes").rows
        assert (kept["asset_id"], sorted(kept["trashed"])) == (photo, sorted([small, poor]))
        assert (kept["fields"], kept["tags"]) == (["caption"], ["sea"])
        assert served.get("/api/duplicates") == {"total": 0, "spare": 0, "items": []}
        assert "Taken back" in run_museion("duplicates", "undo", *at, kept["id"]).out
        back = served.get(f"/api/assets/{photo}")
        assert (back["caption"], back["tags"]) == (None, [])

        found = served.get(f"/api/assets/{small}/duplicates")
        assert sorted(each["id"] for each in found) == sorted([photo, poor])
        told = run_museion("duplicates", "dismiss", *at, small).out
        assert told == "3 assets are not proposed again.\n"
        gone = run_museion("duplicates", "show", *at, small, status=2).err
        assert "No duplicates of" in gone
