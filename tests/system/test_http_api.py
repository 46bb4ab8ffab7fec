"""The HTTP API of a served site, as a program of somebody else meets it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from blake3 import blake3
from running_site import ServedSite
from sample_library import LIBRARY, entries

from museion.testing.media import make_sample

DOGS = "P1050912.jpg"
LARGE_BYTES = 11 << 20
A_YEAR = "public, max-age=31536000, immutable"

ROUTES = {
    ("get", "/api/site"),
    ("get", "/api/layout"),
    ("get", "/api/timeline"),
    ("get", "/api/assets"),
    ("post", "/api/assets"),
    ("get", "/api/assets/{asset_id}"),
    ("get", "/api/assets/{asset_id}/original"),
    ("get", "/api/assets/{asset_id}/similar"),
    ("get", "/api/assets/{asset_id}/moments"),
    ("get", "/api/assets/{asset_id}/frame"),
    ("get", "/api/assets/{asset_id}/text"),
    ("get", "/api/assets/{asset_id}/page"),
    ("get", "/api/blobs/{digest}"),
    ("get", "/api/search"),
    ("post", "/api/search/like"),
    ("get", "/api/suggest"),
    ("get", "/api/quarantine"),
    ("post", "/api/quarantine/retry"),
    ("get", "/api/changes"),
    ("patch", "/api/assets/{asset_id}"),
    ("post", "/api/assets/edit"),
    ("post", "/api/assets/{asset_id}/undo"),
    ("post", "/api/assets/{asset_id}/trash"),
    ("post", "/api/assets/{asset_id}/restore"),
    ("post", "/api/assets/{asset_id}/comments"),
    ("get", "/api/conflicts"),
    ("get", "/api/conflicts/{conflict_id}"),
    ("post", "/api/conflicts/{conflict_id}/resolve"),
    ("get", "/api/collections"),
    ("post", "/api/collections"),
    ("get", "/api/collections/{collection_id}"),
    ("patch", "/api/collections/{collection_id}"),
    ("post", "/api/collections/{collection_id}/add"),
    ("post", "/api/collections/{collection_id}/move"),
    ("post", "/api/collections/{collection_id}/remove"),
    ("get", "/api/models"),
    ("post", "/api/models/use"),
    ("delete", "/api/models/{name}"),
    ("get", "/api/duplicates"),
    ("get", "/api/duplicates/{group_id}"),
    ("get", "/api/assets/{asset_id}/duplicates"),
    ("post", "/api/duplicates/{group_id}/keep"),
    ("post", "/api/duplicates/keep"),
    ("post", "/api/duplicates/{group_id}/dismiss"),
    ("post", "/api/duplicates/undo"),
    ("get", "/api/judgements"),
    ("post", "/api/judgements"),
    ("get", "/api/judgements/export"),
    ("get", "/api/assets/{asset_id}/why"),
    ("get", "/api/sites"),
    ("post", "/api/sites/invitations"),
    ("post", "/api/sites/join"),
    ("post", "/api/sites/{site_id}/connect"),
    ("post", "/api/sites/{site_id}/disconnect"),
    ("post", "/api/sites/{site_id}/retire"),
    ("post", "/api/sites/{site_id}/revoke"),
    ("post", "/api/sites/key"),
    ("post", "/api/sites/recover"),
}
WITHOUT_BODY = {
    "/api/models/{name}",
    "/api/quarantine/retry",
    "/api/sites/{site_id}/disconnect",
    "/api/sites/{site_id}/retire",
    "/api/sites/{site_id}/revoke",
    "/api/sites/key",
    "/api/sites/recover",
}

# --- its description -----------------------------------------------------------------------------


def test_openapi_describes_every_route_parameter_and_answer(library_server: ServedSite) -> None:
    document = library_server.get("/schema/openapi.json")
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    assert set(operations) == ROUTES
    for name, operation in operations.items():
        assert operation["summary"], name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
        for status, answer in operation["responses"].items():
            kind = "application/problem+json" if int(status) >= 400 else None
            assert status == "204" or answer["content"], (name, status)
            assert kind is None or set(answer["content"]) == {kind}, (name, status)
        takes_body = name[0] != "get" and name[1] not in WITHOUT_BODY
        assert ("requestBody" in operation) == takes_body, name


@pytest.mark.parametrize(
    ("route", "address"),
    [
        ("/api/site", "/api/site"),
        ("/api/timeline", "/api/timeline"),
        ("/api/assets", "/api/assets?limit=500"),
        ("/api/assets/{asset_id}", "/api/assets/ID"),
        ("/api/assets/{asset_id}/similar", "/api/assets/ID/similar?limit=3"),
        ("/api/search", "/api/search?q=two dogs -night type:photo"),
        ("/api/suggest", "/api/suggest?q=ca"),
        ("/api/quarantine", "/api/quarantine"),
        ("/api/conflicts", "/api/conflicts"),
        ("/api/collections", "/api/collections"),
    ],
)
def test_answers_fit_their_description(
    library_server: ServedSite, route: str, address: str
) -> None:
    document = library_server.get("/schema/openapi.json")
    answer = library_server.get(address.replace("ID", _id_of(library_server, DOGS)))
    described = document["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]

    assert answer or route in {"/api/quarantine", "/api/collections"}
    assert _misfits(answer, described["schema"], document) == []


def test_problems_fit_their_description(library_server: ServedSite) -> None:
    document = library_server.get("/schema/openapi.json")
    problem = library_server.http.get("/api/search", params={"q": "rating:plenty"}).json()

    assert _misfits(problem, {"$ref": "#/components/schemas/Problem"}, document) == []


# --- display order -------------------------------------------------------------------------------


def test_pages_join_to_the_whole_in_display_order(library_server: ServedSite) -> None:
    whole = library_server.get("/api/assets", limit=500)["items"]
    pages = [library_server.get("/api/assets", offset=o, limit=7) for o in range(0, len(whole), 7)]
    times = [item["capture_time"] or item["ingest_time"] for item in whole]

    assert [item for page in pages for item in page["items"]] == whole
    assert {page["total"] for page in pages} == {len(entries())}
    assert [time[:10] for time in times] == sorted((time[:10] for time in times), reverse=True)


def test_the_layout_tells_the_aspect_of_every_asset_in_two_bytes(
    library_server: ServedSite,
) -> None:
    items = library_server.get("/api/assets", limit=500)["items"]
    answer = library_server.http.get("/api/layout")
    aspects = [
        int.from_bytes(answer.content[i : i + 2], "little") for i in range(0, len(items) * 2, 2)
    ]

    assert answer.headers["X-Total"] == str(len(items))
    assert aspects == [round(item["width"] / item["height"] * 1000) for item in items]


def test_the_timeline_says_where_each_month_begins(library_server: ServedSite) -> None:
    items = library_server.get("/api/assets", limit=500)["items"]
    months = library_server.get("/api/timeline")
    filtered = library_server.get("/api/timeline", q="after:2016 before:2017")

    assert sum(month["count"] for month in months) == len(items)
    for month in months:
        first = items[month["offset"]]
        assert (first["capture_time"] or first["ingest_time"]).startswith(month["month"])
    assert all(month["month"].startswith("2016") for month in filtered)


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=5-99999999", 5, None),
    ],
)
def test_originals_can_be_fetched_in_parts(
    library_server: ServedSite, library: Path, header: str, start: int, end: int | None
) -> None:
    content = (library / DOGS).read_bytes()
    first, last, _ = slice(start, end).indices(len(content))

    part = library_server.http.get(_original(library_server), headers={"Range": header})

    assert part.status_code == 206
    assert part.content == content[first:last]
    assert part.headers["Content-Range"] == f"bytes {first}-{last - 1}/{len(content)}"


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=0-1,5-9", "bytes=9-2", "lines=1-2"])
def test_a_range_that_makes_no_sense_gets_the_whole(
    library_server: ServedSite, library: Path, header: str
) -> None:
    whole = library_server.http.get(_original(library_server), headers={"Range": header})

    assert whole.status_code == 200
    assert whole.content == (library / DOGS).read_bytes()


def test_renditions_may_be_kept_for_ever_and_the_page_is_asked_for_anew(
    library_server: ServedSite,
) -> None:
    thumbnail = _tile(library_server, DOGS)["thumbnail"]
    rendition = library_server.http.get(thumbnail)
    page = library_server.http.get("/")
    script = page.text.split('src="/assets/')[1].split('"')[0]
    part = library_server.http.get(f"/assets/{script}")

    assert rendition.headers["Cache-Control"] == part.headers["Cache-Control"] == A_YEAR
    assert rendition.headers["ETag"] == f'"{thumbnail.rsplit("/", 1)[1]}"'
    assert rendition.headers["Content-Type"] == "image/webp"
    assert page.headers["Cache-Control"] == "no-cache"


def test_a_part_of_the_page_that_is_gone_is_missed_and_no_page(library_server: ServedSite) -> None:
    assert library_server.http.get("/assets/app-of-last-year.js").status_code == 404
    assert "<!doctype html>" in library_server.http.get("/asset/anything").text


@pytest.mark.parametrize(
    ("name", "media_type"), [("svg", "image/svg+xml"), ("pdf", "application/pdf")]
)
def test_originals_that_could_run_something_are_never_shown_by_a_browser(
    shared_server: ServedSite, tmp_path: Path, name: str, media_type: str
) -> None:
    file = make_sample(name, tmp_path / f"drawing.{name}")
    asset_id = shared_server.upload(file.read_bytes(), file.name)["id"]

    original = shared_server.http.get(f"/api/assets/{asset_id}/original")
    as_blob = shared_server.http.get(f"/api/blobs/{blake3(file.read_bytes()).hexdigest()}")

    assert original.headers["Content-Type"].startswith(media_type)
    assert original.headers["Content-Disposition"].startswith("attachment;")
    assert original.headers["Content-Security-Policy"] == "sandbox"
    assert as_blob.headers["Content-Type"] == "application/octet-stream"


def test_a_file_name_with_anything_in_it_survives_the_way_out(served: ServedSite) -> None:
    name = 'Grüße "2016"; filename=evil.html, 猫\r.jpg'
    asset_id = served.upload((LIBRARY / DOGS).read_bytes(), name)["id"]

    original = served.http.get(f"/api/assets/{asset_id}/original")
    encoded = original.headers["Content-Disposition"].split("filename*=UTF-8''")[1]

    assert httpx.URL(f"http://x/{encoded}").path == f"/{name}"


# --- what it refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "address", "status", "detail"),
    [
        ("GET", "/api/assets/nothing", 404, "nothing"),
        ("GET", "/api/assets/nothing/original", 404, "nothing"),
        ("GET", "/api/assets/nothing/similar", 404, "nothing"),
        ("GET", "/api/blobs/nothing", 400, "64 hexadecimal"),
        ("GET", f"/api/blobs/{'0' * 64}", 404, "0000"),
        ("GET", "/api/assets?limit=501", 400, "limit"),
        ("GET", "/api/assets?offset=-1", 400, "offset"),
        ("GET", "/api/assets?q=rating:plenty", 400, "stars from 0 to 5"),
        ("GET", "/api/search?q=after:yesterdayish", 400, "after:"),
        ("GET", "/api/search", 400, "'q'"),
        ("GET", "/api/nowhere", 404, ""),
        ("DELETE", "/api/assets", 405, ""),
        ("POST", "/api/assets", 400, "filename"),
    ],
)
def test_refusals_are_problem_documents(
    library_server: ServedSite, method: str, address: str, status: int, detail: str
) -> None:
    answer = library_server.http.request(method, address)
    problem = answer.json()

    assert answer.status_code == problem["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["title"]
    assert detail in problem["detail"]


@pytest.mark.parametrize("path", ["/", "/api/site", "/api/search?q=dog", "/schema/openapi.json"])
def test_a_foreign_name_for_this_machine_is_refused(library_server: ServedSite, path: str) -> None:
    """A page of another origin may let its own name resolve to this machine."""
    answer = library_server.http.get(path, headers={"Host": "museion.example.org"})

    assert answer.status_code == 403
    assert "museion.example.org" in answer.json()["detail"]


@pytest.mark.parametrize("origin", ["http://example.org", "null", "http://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/api/assets?filename=a.jpg", "/api/quarantine/retry"])
def test_writes_by_pages_of_another_origin_are_refused(
    shared_server: ServedSite, origin: str, path: str
) -> None:
    content = (LIBRARY / DOGS).read_bytes()
    address = shared_server.url + path
    refused = httpx.post(address, content=content, headers={"Origin": origin}, trust_env=False)
    own = httpx.post(
        address, content=content, headers={"Origin": shared_server.url}, trust_env=False
    )

    assert refused.status_code == 403
    assert own.status_code in {200, 201}


def test_no_answer_may_be_read_by_pages_of_another_origin(library_server: ServedSite) -> None:
    for path in ("/", "/api/site", "/api/nowhere", _original(library_server)):
        headers = library_server.http.get(path, headers={"Origin": "http://example.org"}).headers

        assert "Access-Control-Allow-Origin" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "target",
    [
        "/../../../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fapp.py",
        "/assets/../../app.py",
        "//etc/passwd",
        "/%5c..%5c..%5capp.py",
        "/assets/%00",
        "/assets/%ff%fe",
        "/api/blobs/..%2f..%2fmuseion.toml",
        "/api/blobs/../../museion.toml",
    ],
)
def test_no_path_leads_out_of_the_page_s_folder(library_server: ServedSite, target: str) -> None:
    answer = _raw_get(library_server, target)
    status = int(answer.split(b" ", 2)[1])

    assert status in {200, 400, 404}
    assert status != 200 or b"<!doctype html>" in answer
    for secret in (b"root:", b"create_app", b"name ="):
        assert secret not in answer


# --- searching -----------------------------------------------------------------------------------


def test_a_query_is_answered_with_how_it_was_understood(library_server: ServedSite) -> None:
    answer = library_server.get("/api/search", q='dogs "cocker spaniels" -night type:photo')

    assert [(chip["kind"], chip["text"]) for chip in answer["query"]["chips"]] == [
        ("text", "dogs"),
        ("phrase", '"cocker spaniels"'),
        ("excluded", "-night"),
        ("type", "type:photo"),
    ]
    assert answer["hits"][0]["filename"] == DOGS
    assert answer["took_ms"] > 0


def test_pages_of_an_answer_join_to_the_whole(library_server: ServedSite) -> None:
    whole = library_server.get("/api/search", q="mountains in the snow", limit=20)
    pages = [
        library_server.get("/api/search", q="mountains in the snow", limit=5, offset=offset)
        for offset in range(0, 20, 5)
    ]

    assert [hit["id"] for page in pages for hit in page["hits"]] == [
        hit["id"] for hit in whole["hits"]
    ]
    assert {page["total"] for page in pages} == {whole["total"]}
    scores = [hit["score"] for hit in whole["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_a_picture_finds_itself_and_is_not_kept(library_server: ServedSite, library: Path) -> None:
    before = library_server.status()["assets"]
    answer = library_server.http.post(
        "/api/search/like", params={"limit": 3}, content=(library / DOGS).read_bytes()
    ).json()

    assert answer["hits"][0]["filename"] == DOGS
    assert answer["hits"][0]["scores"]["look"] > 0.95
    assert library_server.status()["assets"] == before


def test_similar_assets_are_others(library_server: ServedSite) -> None:
    asset_id = _id_of(library_server, DOGS)
    hits = library_server.get(f"/api/assets/{asset_id}/similar", limit=5)["hits"]

    assert len(hits) == 5
    assert asset_id not in {hit["id"] for hit in hits}
    assert [reason["signal"] for reason in hits[0]["why"]] == ["look"]


def test_suggestions_are_names_of_filters_and_values_that_exist(library_server: ServedSite) -> None:
    def texts(typed: str) -> list[str]:
        return [each["text"] for each in library_server.get("/api/suggest", q=typed)]

    assert {"place:", "place-near:"} <= set(texts("pla"))
    assert "tag:castle" in texts("old cas")
    assert texts("camera:gx8") == ['camera:"Panasonic DMC-GX80"']
    assert texts("") == []


def _tile(site: ServedSite, filename: str) -> dict[str, Any]:
    items = site.get("/api/assets", limit=500)["items"]
    tile: dict[str, Any] = next(item for item in items if item["filename"] == filename)
    return tile


def _id_of(site: ServedSite, filename: str) -> str:
    return str(_tile(site, filename)["id"])


def _original(site: ServedSite) -> str:
    return f"/api/assets/{_id_of(site, DOGS)}/original"


def _raw_get(site: ServedSite, target: str) -> bytes:
    """Send a request whose target no client has tidied, and return all of the answer."""
    host, port = site.url.removeprefix("http://").split(":")
    request = f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    answer = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        while part := connection.recv(65536):
            answer += part
    return answer


def _misfits(value: object, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """Return where a JSON value departs from a JSON schema, in the words that the document uses."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return _misfits(value, document["components"]["schemas"][name], document)
    if choices := schema.get("oneOf", schema.get("anyOf")):
        tried = [_misfits(value, choice, document) for choice in choices]
        return min(tried, key=len)
    kinds = schema.get("type", [])
    if not any(_is_of(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return [f"{value!r:.80} is not of {kinds}"]
    if isinstance(value, list):
        return [fault for each in value for fault in _misfits(each, schema["items"], document)]
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        faults = [f"{key} is not described" for key in value.keys() - known.keys()]
        faults += [f"{key} is missing" for key in set(schema.get("required", [])) - value.keys()]
        for key in value.keys() & known.keys():
            faults += [f"{key}: {fault}" for fault in _misfits(value[key], known[key], document)]
        return faults
    return []


def _is_of(value: object, kind: str) -> bool:
    python_types: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "array": (list,),
        "object": (dict,),
        "null": (type(None),),
    }
    return isinstance(value, python_types[kind]) and (kind == "boolean") >= isinstance(value, bool)
