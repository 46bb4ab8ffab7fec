"""Encryption of payloads under the keys of data subjects: AES-256-GCM.

Stored form of an encrypted payload: nonce (12 bytes) | ciphertext | tag (16 bytes). The type name,
the form and the id of the key are authenticated with it, so a payload cannot be moved to an event
of another type, form or subject unnoticed.

Nonces are random. With random nonces of 96 bits one key may encrypt at most 2^32 payloads, which
keeps the chance that any two share a nonce below 2^-32. One key serves one data subject and nothing
else, and nobody is the subject of four thousand million events; so no count is kept. A key for each
subject, not for each event, is also what makes erasure one act.

Source: NIST SP 800-38D, sections 8.2.2 (nonces from a random bit generator) and 8.3 (the bound).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec

from museion.base.errors import Damaged
from museion.log.subject_keys import SubjectKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class TamperedPayload(Damaged):
    """An encrypted payload is not what was encrypted for this type, form and key."""

    def __init__(self, type_name: str, form: int, key_id: str) -> None:
        super().__init__(
            f"A payload of event type {type_name}, form {form}, encrypted with key {key_id}, was"
            " changed or moved.",
            remedy="Run `museion log verify`, and restore the log from a backup or another site.",
        )


def encrypt(
    content: bytes, key: SubjectKey, *, type_name: str, form: int, nonce: bytes | None = None
) -> bytes:
    """Return the encrypted form of a payload; never the same twice.

    Args:
        nonce: 12 bytes for golden tests alone; two payloads under one nonce reveal each other.
    """
    if nonce is None:
        nonce = secrets.token_bytes(NONCE_BYTES)
    bound = _associated(type_name, form, key.key_id)
    return nonce + _cipher(key).encrypt(nonce, content, bound)


def decrypt(encrypted: bytes, key: SubjectKey, *, type_name: str, form: int) -> bytes:
    """Return the payload that was encrypted.

    Raises:
        TamperedPayload: it is not whole, or belongs to another type, form or key.
    """
    from cryptography.exceptions import InvalidTag

    nonce, sealed = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
    try:
        return _cipher(key).decrypt(nonce, sealed, _associated(type_name, form, key.key_id))
    except (InvalidTag, ValueError) as reason:  # ValueError: it is too short
        raise TamperedPayload(type_name, form, key.key_id) from reason


def _cipher(key: SubjectKey) -> AESGCM:
    # Imported where it is needed: most logs encrypt nothing, and it takes long to load.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key.key)


def _associated(type_name: str, form: int, key_id: str) -> bytes:
    return msgspec.msgpack.encode((type_name, form, key_id))
