"""Write `log-api.md` from the docstrings of `museion.log`: `make reference`."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import museion.log

PAGE = Path(__file__).parent / "log-api.md"
MODULES = (
    "postgres_store",
    "queries",
    "payloads.event_adapters",
    "subject_keys",
    "file_subject_keys",
    "erasure",
    "sourced.processor",
    "sourced.stateful_processor",
    "sourced.writer",
    "sourced.delivery.deliveries",
    "sourced.delivery.redelivery",
    "sourced.delivery.channels",
    "sourced.delivery.outbox",
    "sourced.delivery.request_reply",
    "sourced.delivery.idempotent",
    "sourced.conflicts.concurrent_versions",
    "sourced.conflicts.version_tree",
    "sourced.conflicts.version_list",
    "sourced.conflicts.versioned",
    "sourced.conflicts.conflict_errors",
    "proof.verification",
    "exports.export",
    "replication.reading",
    "replication.link",
)
"""Modules beside the door, in the order of the page."""


def reference() -> str:
    """Return the text of the page."""
    parts = [
        "# `museion.log`: reference\n",
        "Made from the docstrings by `make reference`; a test holds it against the code.\n",
        "## The door: `from museion.log import …`\n",
    ]
    for name in museion.log.__all__:
        parts += _thing(name, getattr(museion.log, name))
    for module_name in MODULES:
        module = importlib.import_module(f"museion.log.{module_name}")
        parts += [f"## `museion.log.{module_name}`\n", f"{_text(module)}\n"]
        for name in _public(module):
            parts += _thing(name, getattr(module, name))
    return "\n".join(parts).rstrip() + "\n"


def _public(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    names = listed or [name for name in vars(module) if not name.startswith("_")]
    return [
        name
        for name in names
        if getattr(getattr(module, name), "__module__", "") == module.__name__
        and callable(getattr(module, name))
    ]


def _thing(name: str, thing: object) -> Iterator[str]:
    kind = "class" if inspect.isclass(thing) else "function"
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return
    yield f"### {kind} `{name}`\n"
    yield _block(f"{name}{_signature(thing)}", _text(thing))
    if not inspect.isclass(thing):
        return
    for own, member in vars(thing).items():
        function = member.fget if isinstance(member, property) else member
        function = getattr(function, "__func__", function)
        if own.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        shown = f"{own}{'' if isinstance(member, property) else _signature(function)}"
        yield f"#### `{name}.{own}`\n"
        yield _block(shown, _text(function))


def _block(head: str, text: str) -> str:
    return f"```text\n{head}\n\n{text}\n```\n"


def _text(thing: object) -> str:
    return (inspect.getdoc(thing) or "").strip()


def _signature(thing: object) -> str:
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return ""
    try:
        text = str(inspect.signature(thing))  # type: ignore[arg-type]  # a class or function
    except (TypeError, ValueError):
        return ""
    text = re.sub(r"'([^']*)'", r"\1", text)  # annotations are kept as texts
    # An address in memory would be another at each run.
    return re.sub(r"<(?:function )?(<?[\w.]+>?)(?: object)? at 0x[0-9a-f]+>", r"\1", text)


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
