"""`museion edit`, `conflicts` and `collections`, beside a server and without one."""

from __future__ import annotations

from pathlib import Path

from running_site import run_museion, serving

from museion.testing.media import make_sample


def _site(folder: Path) -> tuple[Path, list[str]]:
    """Make a site with two assets; return it and their ids."""
    for name, width in (("a.png", 40), ("b.png", 50)):
        make_sample("png", folder / "in" / name, width=width, height=30)
    run_museion("init", folder / "site", "--name", "North")
    rows = run_museion("ingest", "--site", folder / "site", "--json", folder / "in").rows
    return folder / "site", sorted(row["id"] for row in rows)


def _versions(site: Path, conflict: str) -> list[str]:
    (shown,) = run_museion("conflicts", "show", "--site", site, "--json", conflict).rows
    return [version["value"] for version in shown["versions"]]


def test_an_asset_is_edited_without_a_server(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    site, (asset, other) = _site(tmp_path)
    at = ("--site", site)

    (done,) = run_museion(
        *("edit", *at, "--json", "--by", "Ann", "--caption", "Dawn", "--add-tag", "sea"),
        *("--rating", 4, asset[:8]),
    ).rows
    assert (done["id"], done["changed"], done["conflicts"]) == (asset, True, [])
    (shown,) = run_museion("show", *at, "--json", asset).rows
    assert (shown["summary"]["caption"], shown["people"]["tags"]) == ("Dawn", ["sea"])
    assert "Dawn  (Ann, " in run_museion("show", *at, asset).out
    assert "was so already" in run_museion("edit", *at, "--caption", "Dawn", asset).out
    assert asset in run_museion("search", *at, "tag:sea").out

    both = run_museion("edit", *at, "--add-tag", "lake", asset, other).out
    assert both.count("changed") == 2
    assert "Say what to change" in run_museion("edit", *at, asset, status=2).err
    wrong = run_museion("edit", *at, "--clear", "colour", asset, status=2).err
    assert "colour" in wrong
    assert wrong.count("\n") == 1

    made = run_museion("collections", "make", *at, "Harbours", asset, other).out.strip()
    run_museion("collections", "move", *at, made, asset, "--to", 1)
    (listed,) = run_museion("collections", "list", *at, "--json").rows
    assert (listed["name"], listed["count"]) == ("Harbours", 2)
    lines = run_museion("collections", "show", *at, made).out.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == [other, asset]


def test_a_conflict_is_settled_beside_a_server(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    site, (asset, _) = _site(tmp_path)
    at = ("--site", site)
    with serving(site):
        (shown,) = run_museion("show", *at, "--json", asset).rows
        seen = ("--seen", shown["people"]["seen"])
        run_museion("edit", *at, "--by", "Ann", "--caption", "Dawn", *seen, asset)
        late = run_museion("edit", *at, "--by", "Bob", "--caption", "Dusk", *seen, asset).out
        conflict = f"{asset}:caption"
        assert conflict in late

        assert conflict in run_museion("conflicts", "list", *at).out
        values = _versions(site, conflict)
        beside = run_museion("conflicts", "show", *at, conflict).out
        assert set(values) == {"Dawn", "Dusk"}
        assert any("Dawn" in line and "Dusk" in line for line in beside.splitlines())
        assert "at North" in beside

        number = values.index("Dusk") + 1
        told = run_museion("conflicts", "resolve", *at, conflict, "--choose", number).out
        assert told == "Settled.\n"
        assert "No conflicts" in run_museion("conflicts", "list", *at).out
        gone = run_museion("conflicts", "resolve", *at, conflict, "--value", "x", status=2).err
        assert "resolved already" in gone
    assert "Dusk  (" in run_museion("show", *at, asset).out
