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

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from museion.log.event import Event
from museion.log.payloads.payload_outcomes import TamperedPayload
from museion.log.subject_keys import KeyMissing, NoKey, SubjectKey, SubjectKeys

NONCE_BYTES = 12


class PayloadEncryption:
    """Encrypts payloads for data subjects and decrypts them, with the keys of one place."""

    def __init__(self, keys: SubjectKeys) -> None:
        self._keys = keys

    def seal(
        self, content: bytes, subject_id: str, *, type_name: str, form: int
    ) -> tuple[bytes, str]:
        """Return the encrypted payload and the id of the subject's key."""
        key = self._keys.get_or_create(subject_id)
        return encrypt(content, key, type_name=type_name, form=form), key.key_id

    def open(self, event: Event, key_id: str) -> bytes | None:
        """Return the payload of an event, None if its key was destroyed.

        Raises:
            KeyMissing: the key is neither here nor destroyed.
            TamperedPayload: the payload is not what was encrypted.
        """
        key = self._keys.find(key_id)
        if key is NoKey.DESTROYED:
            return None
        if key is NoKey.UNKNOWN:
            raise KeyMissing(key_id)
        return decrypt(event.payload, key, type_name=event.type_name, form=event.form)


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
    return nonce + AESGCM(key.key).encrypt(nonce, content, bound)


def decrypt(encrypted: bytes, key: SubjectKey, *, type_name: str, form: int) -> bytes:
    """Return the payload that was encrypted.

    Raises:
        TamperedPayload: it is not whole, or belongs to another type, form or key.
    """
    nonce, sealed = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
    try:
        return AESGCM(key.key).decrypt(nonce, sealed, _associated(type_name, form, key.key_id))
    except (InvalidTag, ValueError) as reason:  # ValueError: it is too short
        raise TamperedPayload(type_name, form, key.key_id) from reason


def _associated(type_name: str, form: int, key_id: str) -> bytes:
    return msgspec.msgpack.encode((type_name, form, key_id))
