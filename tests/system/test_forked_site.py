"""A site that was set back to a backup and wrote on loses neither of its two histories."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from running_site import ServedSite, run_museion, serving, wait_until
from site_pairs import edit, events_of, is_level, vienna_and_graz

OK, REFUSED = 200, 503
KILLED = """
import asyncio, os, sys
from pathlib import Path
from museion.node.sites.forked_site import recover_and_keep_own

for fatal in sys.argv[2:]:
    def die(step):
        if step == fatal:
            os._exit(9)

    if not (child := os.fork()):
        asyncio.run(recover_and_keep_own(Path(sys.argv[1]), on_step=die))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, fatal
"""
STEPS = (
    "putting the forked log aside",
    "recovering",
    "appending what only this site has",
)


def test_a_site_that_wrote_on_after_a_backup_was_put_back_keeps_both_histories(
    tmp_path: Path,
) -> None:
    with vienna_and_graz(tmp_path) as (vienna, port, asset, graz):
        backup = shutil.copytree(vienna, tmp_path / "backup")
        with serving(vienna, "--port", port) as served:
            assert edit(served, asset, "caption", "Before the loss") == OK
            wait_until(lambda: _field(graz, asset, "caption") == "Before the loss", "Graz has it")
            wait_until(lambda: is_level(served, graz), "all is well")
        shutil.rmtree(vienna)
        backup.rename(vienna)
        run_museion("edit", "--site", vienna, "--title", "Written on", asset)

        with serving(vienna, "--port", port) as served:
            wait_until(lambda: bool(served.get("/api/sites")["needs_recovery"]), "it is noticed")
            said = run_museion("sites", "status", "--site", vienna).out
            assert "Run `museion sites recover`" in said
            assert edit(served, asset, "title", "Too early") == REFUSED
            told = run_museion("sites", "recover", "--site", vienna, status=None)
            assert told.status != 0
            assert "written on after it had lost events" in told.err
            assert "museion sites recover --keep-own" in told.err

        _kill_at_each_step(vienna)
        locked = run_museion("edit", "--site", vienna, "--title", "x", asset, status=None)
        assert locked.status != 0
        (kept,) = run_museion("sites", "recover", "--keep-own", "--site", vienna, "--json").rows

        assert kept["events"] == 1
        assert Path(kept["forked_log"]).parent == vienna
        with serving(vienna, "--port", port) as served:
            assert not served.get("/api/sites")["needs_recovery"]
            wait_until(lambda: _field(graz, asset, "title") == "Written on", "Graz has the fork")
            wait_until(lambda: is_level(served, graz), "all is well again")
            served.settle()
            for site in (served, graz):
                assert _field(site, asset, "caption") == "Before the loss"
                assert _field(site, asset, "title") == "Written on"
    assert events_of(vienna) == events_of(graz.folder)


def _field(site: ServedSite, asset: str, name: str) -> Any:
    return site.get(f"/api/assets/{asset}")[name]


def _kill_at_each_step(site: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(site), *STEPS]
    assert subprocess.run(command, timeout=120, check=False).returncode == 0
