"""Fetches a model from a hub by name: what its files say first, its weights after a yes.

Hubs serve a file of a repository's revision at `ADDRESS/OWNER/NAME/resolve/REVISION/FILE`. What was
fetched is kept beside, so a broken line costs nothing but the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

from museion.base.errors import Damaged, InvalidInput, NotFound, Unavailable
from museion.models.hub_layout import (
    CONFIG,
    PREPROCESSOR,
    PROCESSOR,
    READ_ME,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
    graph_name,
    licence_of,
)
from museion.models.safetensors_header import scalars_from

ADDRESS = "https://huggingface.co"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LIMITS = httpx.Timeout(30.0)
_NO_SUCH = {404, 410}
_CLOSED = {401, 403}

Step = Callable[[str, int, int | None], None]
"""Told the file's name, the bytes that are here, and those of the whole file where it is known."""


class BadRepository(InvalidInput):
    """A text names no repository of a hub."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is neither a folder nor a name on a hub.",
            remedy="Give a folder, or OWNER/NAME as the hub shows it.",
        )


class NotOnHub(NotFound):
    """A hub has no such file."""

    def __init__(self, file: str, address: str) -> None:
        super().__init__(
            f"The hub has no {file}: {address} is not there.",
            remedy="Look for a repository with ONNX files (a folder `onnx`), or another variant.",
        )


class NotOpen(Unavailable):
    """A hub gives a file only to those who are signed in."""

    lasting = True

    def __init__(self, file: str, address: str, status: int) -> None:
        super().__init__(
            f"The hub does not give {file} to everybody: {address} answers {status}.",
            remedy="Fetch it in a browser where you are signed in, then add the folder.",
        )


class HubUnreachable(Unavailable):
    """A file cannot be fetched now; what came so far is kept."""

    def __init__(self, file: str, address: str, reason: str) -> None:
        super().__init__(
            f"{file} cannot be fetched from {address}: {reason}.",
            remedy="Repeat the command when the hub can be reached: it goes on where it stopped. "
            "Or bring the folder here by other means and add it.",
        )


class NotWhatTheHubHas(Damaged):
    """The bytes that came are not those that the hub says it has; they were thrown away."""

    def __init__(self, file: str, address: str) -> None:
        super().__init__(
            f"What came of {file} from {address} has another digest than the hub states.",
            remedy="Repeat the command.",
        )


class HubModel:
    """One revision of a model on a hub, fetched file by file into a folder.

    Args:
        repository: OWNER/NAME.
        revision: a branch, tag or commit; what it stands for is found once, at the first file.
        incoming: where files are kept until the model is complete.
        address: of the hub.
        on_step: told how far a file has come.

    Raises:
        BadRepository: it is no name.
    """

    def __init__(
        self,
        repository: str,
        *,
        incoming: Path,
        revision: str = "main",
        address: str = ADDRESS,
        on_step: Step | None = None,
    ) -> None:
        if not _REPOSITORY.fullmatch(repository) or ".." in repository:
            raise BadRepository(repository)
        self.repository = repository
        self.revision = revision
        self._address = address.rstrip("/")
        self._incoming = incoming
        self._on_step = on_step
        # The environment may name a proxy, as people behind one expect.
        self._client = httpx.Client(timeout=_LIMITS, follow_redirects=True, max_redirects=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def folder(self) -> Path:
        """Where the files of this revision are kept."""
        return self._incoming / f"{self.repository.replace('/', '--')}--{self.revision}"

    def fetch_description(self) -> str:
        """Fetch the small files; return the licence as they state it, empty where they do not.

        Raises:
            NotOnHub, NotOpen, HubUnreachable, NotWhatTheHubHas: with the file and its address.
        """
        self._pin()
        for file in (CONFIG, TOKENIZER):
            self._fetch(file)
        try:
            self._fetch(PREPROCESSOR)
        except NotOnHub:
            self._fetch(PROCESSOR)
        for file in (TOKENIZER_CONFIG, READ_ME, "LICENSE"):
            with suppress(NotOnHub):
                self._fetch(file)
        return licence_of(self.folder)

    def fetch_weights(self, *, variant: str = "") -> None:
        """Fetch both graphs, and the files of weights that lie beside them. Raises as above."""
        for tower in ("vision", "text"):
            graph = graph_name(tower, variant)
            self._fetch(graph)
            with suppress(NotOnHub):
                self._fetch(f"{graph}_data")

    def logits(self) -> tuple[float | None, float | None]:
        """Return scale (its logarithm) and bias of the training's logits, None where unknown."""
        address = self._url(WEIGHTS)

        def read(start: int, length: int) -> bytes:
            span = {"Range": f"bytes={start}-{start + length - 1}"}
            with self._client.stream("GET", address, headers=span) as response:
                if response.status_code != httpx.codes.PARTIAL_CONTENT:
                    return b""
                return response.read()[:length]

        with suppress(httpx.TransportError):
            found = scalars_from(read, ("logit_scale", "logit_bias"))
            return found.get("logit_scale"), found.get("logit_bias")
        return None, None

    def _pin(self) -> None:
        """Find the commit that the revision stands for, so that all files are of one state."""
        address = self._url(CONFIG)
        try:
            response = self._client.head(address)
        except httpx.TransportError as reason:
            raise HubUnreachable(CONFIG, address, _said(reason)) from reason
        _check(response, CONFIG, address)
        for answer in (*response.history, response):
            self.revision = answer.headers.get("X-Repo-Commit", self.revision)

    def _url(self, file: str) -> str:
        return f"{self._address}/{self.repository}/resolve/{self.revision}/{file}"

    def _fetch(self, file: str) -> None:
        """Fetch one file, or the rest of it; nothing where it is here."""
        target = self.folder / file
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part, address = target.with_name(f"{target.name}.part"), self._url(file)
        try:
            wanted = self._receive(file, address, part)
        except (httpx.TransportError, httpx.TooManyRedirects) as reason:
            raise HubUnreachable(file, address, _said(reason)) from reason
        if wanted is not None and _sha256(part) != wanted:
            part.unlink()
            raise NotWhatTheHubHas(file, address)
        part.rename(target)
        _tag_of(part).unlink(missing_ok=True)

    def _receive(self, file: str, address: str, part: Path) -> str | None:
        """Fill `part` up; return the SHA-256 that the hub states, None where it states none."""
        with self._client.stream("GET", address, headers=_rest_of(part)) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink()
                raise HubUnreachable(file, address, "what is here is longer than the file")
            _check(response, file, address)
            _tag_of(part).write_text(response.headers.get("ETag", ""), "utf-8")
            goes_on = response.status_code == httpx.codes.PARTIAL_CONTENT
            size = response.headers.get("Content-Length")
            here = part.stat().st_size if goes_on else 0
            whole = None if size is None else here + int(size)
            with part.open("ab" if goes_on else "wb") as target:
                # As it comes: chunks of one size would be lost with the line before they are full.
                for chunk in response.iter_raw():
                    target.write(chunk)
                    here += len(chunk)
                    if self._on_step is not None:
                        self._on_step(file, here, whole)
            return _stated_sha256(response)


def _rest_of(part: Path) -> dict[str, str]:
    """Return headers that ask for what is missing, as long as the file is still the same."""
    headers = {"Accept-Encoding": "identity"}
    tag = _tag_of(part)
    if part.exists() and part.stat().st_size and tag.exists() and (known := tag.read_text("utf-8")):
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": known}
    return headers


def _tag_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _check(response: httpx.Response, file: str, address: str) -> None:
    status = response.status_code
    if status in _NO_SUCH:
        raise NotOnHub(file, address)
    if status in _CLOSED:
        raise NotOpen(file, address, status)
    if not response.is_success:
        raise HubUnreachable(file, address, f"it answers {status}")


def _said(reason: Exception) -> str:
    return str(reason) or type(reason).__name__


def _stated_sha256(response: httpx.Response) -> str | None:
    """Return the digest that hubs state for large files, with the redirect to where they lie."""
    for answer in (response, *response.history):
        stated = answer.headers.get("X-Linked-ETag", "").strip('"')
        if _SHA256.fullmatch(stated):
            return str(stated)
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
