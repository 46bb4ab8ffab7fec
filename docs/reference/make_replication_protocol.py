"""Write the generated part of `replication-protocol.md`: messages, codes, and example bytes."""

from __future__ import annotations

import inspect
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
from msgspec import inspect as shapes
from msgspec.structs import replace

from museion.log.chain import START, next_digest
from museion.log.event import Event, EventId
from museion.log.frame import envelope_of
from museion.log.replication import protocol
from museion.log.replication.bodies import ACCEPT, ENCODING
from museion.log.replication.canonical import Target, answer_text, request_text
from museion.log.replication.devices import device_messages
from museion.log.replication.directory import KnownKey, KnownSite
from museion.log.replication.filters import Filter
from museion.log.replication.http_refusals import STATUS_OF_CODE
from museion.log.replication.invitations import Invitation, fingerprint_of
from museion.log.replication.join_messages import JoinAnswer, JoinRequest
from museion.log.replication.refusals import REFUSALS, RefusalMessage
from museion.log.replication.signing import sign_answer, sign_request
from museion.log.replication.site_keys import KeyAnnouncement, SiteKeys
from museion.log.replication.wire import to_wire
from museion.log.vector_time import VectorTime

PAGE = Path(__file__).parent / "replication-protocol.md"
MARK = "<!-- What follows is written by make_replication_protocol.py. -->\n"

MESSAGES = (
    protocol.InfoRequest,
    protocol.EndpointInfo,
    protocol.ReadRequest,
    protocol.ReadAnswer,
    protocol.Offer,
    protocol.OfferTaken,
    protocol.RecoveryRequest,
    protocol.RecoveryAnswer,
    JoinRequest,
    JoinAnswer,
    device_messages.Submission,
    device_messages.SubmissionAnswer,
    device_messages.DeviceRead,
    device_messages.DeviceReadAnswer,
    RefusalMessage,
)
_PLAIN_TYPES = {
    shapes.IntType: "integer",
    shapes.FloatType: "float",
    shapes.StrType: "text",
    shapes.BytesType: "bytes",
    shapes.BoolType: "boolean",
    shapes.NoneType: "nil",
}
TIME_MS = 1_790_000_000_000
NONCE = "000102030405060708090a0b0c0d0e0f"


def page() -> str:
    """Return the whole page with its generated part made anew."""
    written, _, _ = PAGE.read_text("utf-8").partition(MARK)
    return written + MARK + "\n" + "\n".join(_generated()) + "\n"


def _generated() -> Iterator[str]:
    yield "## Messages\n"
    yield (
        "Fields in their order, from 0. Where a default stands the end of an array may be left out;"
        " defaults are written as JSON, `null` is nil. Fields beyond the last one are ignored.\n"
    )
    kinds = _with_parts(MESSAGES)
    parts = (VectorTime, EventId, Event, KeyAnnouncement, Invitation)
    for kind in dict.fromkeys((*kinds, *parts)):
        yield from _message(kind)
    yield "## Filters\n"
    yield "A filter is a map; `type` tells which it is.\n"
    yield "| `type` | further keys | meaning |\n|---|---|---|"
    for kind in get_args(Filter):
        names = [f"`{f.encode_name}`: {_type(f.type)}" for f in _fields(kind)]
        yield f"| `{kind.__struct_config__.tag}` | {'; '.join(names)} | {_first(kind)} |"
    yield "\n## Refusals\n"
    yield "| code | status | meaning |\n|---|---|---|"
    for code in sorted({*REFUSALS, *STATUS_OF_CODE}):
        meaning = _first(REFUSALS[code]) if code in REFUSALS else "See the message."
        yield f"| `{code}` | {STATUS_OF_CODE.get(code, 403)} | {meaning} |"
    yield "\n## Example bytes\n"
    yield "Private keys are 32 bytes of 1 (`office`) and of 2 (`annex`); bytes are hexadecimal.\n"
    with tempfile.TemporaryDirectory() as folder:
        yield f"```json\n{json.dumps(examples(Path(folder)), indent=1)}\n```"


def _with_parts(kinds: tuple[type, ...]) -> list[type]:
    """Return messages and the structs of the protocol within them, each once."""
    found: list[type] = []
    for kind in kinds:
        parts = [part for f in _fields(kind) for part in _structs(f.type)]
        named = [p for p in _with_parts(tuple(parts)) if p not in found]
        found += [kind, *named] if kind not in found else named
    return list(dict.fromkeys(found))


def _structs(shape: shapes.Type) -> Iterator[type]:
    match shape:
        case shapes.StructType(cls=cls):
            if cls.__struct_config__.tag is None and cls not in (VectorTime, Event):
                yield cls
        case shapes.UnionType(types=types):
            for each in types:
                yield from _structs(each)
        case shapes.VarTupleType(item_type=item):
            yield from _structs(item)
        case shapes.DictType(value_type=value):
            yield from _structs(value)
        case _:
            return


def _message(kind: type) -> Iterator[str]:
    shape = "an array" if kind.__struct_config__.array_like else "a map by the names of its fields"
    yield f"### {kind.__name__}\n\n{_first(kind)} It is {shape}.\n"
    yield "| | field | type | default | meaning |\n|---|---|---|---|---|"
    meanings = _meanings(kind)
    for number, field in enumerate(_fields(kind)):
        default = "" if field.required else f"`{_default(field)}`"
        meaning = meanings.get(field.name, "")
        name = field.encode_name
        yield f"| {number} | `{name}` | {_type(field.type)} | {default} | {meaning} |"
    yield ""


def _fields(kind: type) -> tuple[shapes.Field, ...]:
    info = shapes.type_info(kind)
    return info.fields if isinstance(info, shapes.StructType) else ()


def _default(field: shapes.Field) -> str:
    made = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        made = field.default_factory()
    return json.dumps(msgspec.to_builtins(made)).replace('"', "'")


def _type(shape: shapes.Type) -> str:  # noqa: PLR0911 (one line a shape)
    match shape:
        case shapes.IntType(ge=ge) if ge is not None:
            return f"integer ≥ {ge}"
        case shapes.FloatType(ge=ge, le=le) if le is not None:
            return f"float, {ge:g} to {le:g}"
        case shapes.StructType(cls=cls):
            return "filter" if cls in get_args(Filter) else cls.__name__
        case shapes.UnionType(types=types):
            return " or ".join(dict.fromkeys(_type(each) for each in types))
        case shapes.VarTupleType(item_type=item):
            return f"array of {_type(item)}"
        case shapes.DictType(key_type=key, value_type=value):
            return f"map of {_type(key)} to {_type(value)}"
    return _PLAIN_TYPES[type(shape)]


def _first(kind: type) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


def _meanings(kind: type) -> dict[str, str]:
    """Return what the docstring says of each field."""
    _, _, listed = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    for names, text in re.findall(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", listed, re.MULTILINE):
        for name in names.split(", "):
            found[name] = " ".join(text.split())
    return found


def examples(folder: Path) -> dict[str, object]:
    """Return examples of all that has bytes; the same each time."""
    office = keys_of(folder / "office", "office", bytes([1]) * 32)
    annex = keys_of(folder / "annex", "annex", bytes([2]) * 32)
    refusal = RefusalMessage("unknown-log", "There is no log 'x' here.", "")
    return {
        "office": {"public key": office.public_key.hex(), "key id": office.key_id},
        "annex": {"public key": annex.public_key.hex(), "key id": annex.key_id},
        "event": _event_example(),
        "request": _request_example(annex),
        "answer": _answer_example(office),
        "refusal": msgspec.msgpack.encode(refusal).hex(),
        "key": _key_example(office, folder),
        "join": _join_example(office, annex),
    }


def keys_of(folder: Path, site_id: str, seed: bytes) -> SiteKeys:
    """Return a site's keys from 32 bytes."""
    folder.mkdir()
    (folder / "site-key").write_bytes(msgspec.msgpack.encode([1, site_id, seed, []]))
    return SiteKeys.open(folder)


def _event() -> Event:
    return Event(
        type_name="museion.caption-changed",
        form=1,
        payload=b"\x81\xa4text\xa4Dawn",
        emitter_id="editor",
        aggregate_id="asset-1",
        custom_destinations=(),
        system_time_ms=TIME_MS,
        vector_timestamp=VectorTime({"office": 7}),
        process_id="office",
        log_id="",
        sequence_nr=0,
    )


def _event_example() -> dict[str, str]:
    envelope = envelope_of(_event())
    return {
        "envelope": envelope.hex(),
        "chain digest": next_digest(START, envelope).hex(),
    }


def _request_example(annex: SiteKeys) -> dict[str, object]:
    body = msgspec.msgpack.encode(protocol.ReadRequest("", "annex", 6, VectorTime({"office": 6})))
    target = Target("POST", "/replication/1/read")
    covered = {ENCODING: "identity", ACCEPT: "zstd"}
    headers = sign_request(
        annex,
        target,
        recipient_id="office",
        now_ms=TIME_MS,
        body=body,
        covered=covered,
        nonce=NONCE,
    )
    text = request_text(headers, target, covered=tuple(covered))
    return {"body": body.hex(), "headers": headers, "text": text.decode().split("\n")}


def _answer_example(office: SiteKeys) -> dict[str, object]:
    event = _event()
    digest = next_digest(START, envelope_of(event))
    wire = to_wire(replace(event, chain_digest=digest))
    answer = protocol.ReadAnswer("office", (wire,), 7, 7, VectorTime({"office": 7}))
    body = msgspec.msgpack.encode(answer)
    covered = {ENCODING: "identity"}
    headers = sign_answer(
        office, recipient_id="annex", nonce=NONCE, status=200, body=body, covered=covered
    )
    text = answer_text(headers, 200, covered=tuple(covered))
    return {"body": body.hex(), "headers": headers, "text": text.decode().split("\n")}


def _key_example(office: SiteKeys, folder: Path) -> dict[str, object]:
    new = keys_of(folder / "rolled", "office", bytes([3]) * 32).public_key
    told = KeyAnnouncement("office", new, office.key_id, TIME_MS)
    told = replace(told, signature=office.sign(told.signed_text()))
    return {
        "new private key": "03" * 32,
        "text": told.signed_text().decode().split("\n"),
        "announcement": msgspec.msgpack.encode(told).hex(),
    }


def _join_example(office: SiteKeys, annex: SiteKeys) -> dict[str, object]:
    invitation = Invitation(
        "https://office.example/museion",
        "office",
        fingerprint_of(office.public_key),
        bytes(range(16)),
        TIME_MS,
    )
    request = JoinRequest(invitation.invitation_key, "annex", "Annex", None, annex.public_key)
    text = request.proof_text("office", invitation.fingerprint)
    inviter = KnownSite("office", "Office", None, (KnownKey.of(office.public_key),))
    return {
        "code": invitation.code,
        "secret": invitation.secret.hex(),
        "invitation key": invitation.invitation_key.hex(),
        "text": text.decode().split("\n"),
        "request": msgspec.msgpack.encode(replace(request, proof=invitation.sign(text))).hex(),
        "answer": msgspec.msgpack.encode(JoinAnswer(inviter)).hex(),
    }


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
