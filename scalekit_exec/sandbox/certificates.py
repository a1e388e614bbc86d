"""A throwaway certificate authority and one certificate, made in memory at every start.

Of all host names the authority may sign for `localhost` alone, so that who trusts its certificate
lets nobody speak for a real server. Its key is never written down and ends with the process.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["certificate_chain", "server_context"]

_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks of containers differ a little
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def certificate_chain() -> tuple[str, str, str]:
    """Return three PEM texts: the authority's certificate, the server's, and the server's key.

    They satisfy VERIFY_X509_STRICT, which Python 3.13 and later set by default.
    """
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = "scalekit-exec sandbox CA"
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(
            # BoringSSL, and so gRPC, knows no constraints on addresses and refuses them.
            x509.NameConstraints([x509.DNSName("localhost")], None),
            critical=True,
        )
        .sign(ca_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(_LOOPBACK)])
    server = (
        _builder("scalekit-exec sandbox", ca_name, key.public_key(), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ca.public_bytes(pem).decode(), server.public_bytes(pem).decode(), private.decode()


@contextlib.contextmanager
def _readable_once(text: str) -> Iterator[str]:
    """Yield a path from which this text can be read, without a file where the system allows it.

    OpenSSL takes certificates from a path only. A pipe's /dev/fd entry is one; its buffer holds
    more than a key and a certificate. Windows has no such thing: there it is a private temporary
    file that is gone before anyone connects.
    """
    if os.path.isdir("/dev/fd"):
        reading, writing = os.pipe()
        try:
            os.write(writing, text.encode())
            os.close(writing)
            yield f"/dev/fd/{reading}"
        finally:
            os.close(reading)
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="scalekit-exec-") as folder:
        path = os.path.join(folder, "sandbox.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        yield path


def server_context() -> tuple[ssl.SSLContext, str]:
    """Return a context for the server's side of TLS and the PEM text to trust it by."""
    ca, server, key = certificate_chain()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with _readable_once(server) as server_path, _readable_once(key) as key_path:
        context.load_cert_chain(server_path, key_path)
    # http/1.1 comes first: a browser or curl that offers both wants REST or the consent page;
    # gRPC offers h2 alone.
    context.set_alpn_protocols(["http/1.1", "h2"])
    return context, ca
