"""Debian's nginx as a reverse proxy with TLS before a site, on loopback."""

from __future__ import annotations

import asyncio
import datetime
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from http_sites import free_port, listening

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

WITHOUT_NGINX = "no nginx is on the PATH: replication through a proxy with TLS was NOT tested"

# The `location` is that of docs/reference/replication-protocol.md.
_CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; gzip on; gzip_types *; gzip_proxied any;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/site.crt; ssl_certificate_key {folder}/site.key;
    location /museion/ {{
      proxy_pass {behind}/;
      proxy_http_version 1.1;
      proxy_read_timeout 90s;
      proxy_request_buffering off;
      proxy_buffering off;
      client_max_body_size 64m;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class TlsProxy:
    """A running proxy: where it is reached, and the certificate to trust."""

    url: str
    ca_file: Path


@asynccontextmanager
async def proxied(behind: str, folder: Path) -> AsyncIterator[TlsProxy]:
    """Run nginx before an address, under the path `/museion/`."""
    assert NGINX is not None
    folder.mkdir()
    port = free_port()
    ca_file = write_certificate(folder)
    configuration = _CONFIGURATION.format(folder=folder, port=port, behind=behind.rstrip("/"))
    (folder / "nginx.conf").write_text(configuration)
    process = await asyncio.create_subprocess_exec(
        NGINX, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-p", str(folder)
    )
    try:
        await listening(port)
        yield TlsProxy(f"https://127.0.0.1:{port}/museion", ca_file)
    finally:
        process.terminate()
        await process.wait()


def write_certificate(folder: Path) -> Path:
    """Write a self-made certificate for 127.0.0.1 and its key, and return that to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "site.crt"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "site.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
