"""The page on PostgreSQL lists every setting with its default."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

from museion.log.postgres.settings import PostgresSettings

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "postgres-settings.md"


def test_every_setting_of_the_postgresql_store_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `?([^`|]+?)`? \|", PAGE.read_text("utf-8"), re.MULTILINE)
    written = {
        field.name: "–" if field.default in {MISSING, None} else str(field.default)
        for field in fields(PostgresSettings)
    }
    assert dict(rows) == written
