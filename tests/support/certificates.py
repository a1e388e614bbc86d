"""A certificate authority of a test's own, and servers' certificates as bad as they come."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Authority", "authority"]


class Authority:
    """A certificate authority of the test's own; `file` is its certificate in PEM form."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test CA")
        self.certificate = self._sign(self._key, self._name, None, days=30)
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.file = os.path.join(folder, "ca.pem")
        with open(self.file, "w", encoding="ascii") as file:
            file.write(self.pem)
        self._contexts: dict[object, ssl.SSLContext] = {}

    def context(
        self,
        *names: str,
        days: int = 30,
        self_signed: bool = False,
        protocols: tuple[str, ...] = ("http/1.1",),
        newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> ssl.SSLContext:
        """Return a server's context with a certificate for these names, 127.0.0.1 and ::1.

        `days` below 0 makes one that expired that long ago; `protocols` is what ALPN agrees to.
        """
        wanted = (names, days, self_signed, protocols, newest)
        if wanted not in self._contexts:
            self._contexts[wanted] = self._make(*wanted)
        return self._contexts[wanted]

    def _make(
        self,
        names: tuple[str, ...],
        days: int,
        self_signed: bool,  # noqa: FBT001 - called above only
        protocols: tuple[str, ...],
        newest: ssl.TLSVersion,
    ) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        signer = key if self_signed else self._key
        certificate = self._sign(signer, _name("server"), key, days, names or ("127.0.0.1", "::1"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest != ssl.TLSVersion.MAXIMUM_SUPPORTED:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore"):  # that it is deprecated is the point
                context.minimum_version = newest
                context.maximum_version = newest
        context.set_alpn_protocols(list(protocols))
        pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = os.path.join(self.folder, f"{len(self._contexts)}.pem")
        with open(path, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        signer: ec.EllipticCurvePrivateKey,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey | None,
        days: int,
        names: tuple[str, ...] = (),
    ) -> x509.Certificate:
        """Make a certificate: the authority's own where no key is given."""
        public = (key or signer).public_key()
        issuer = self._name if signer is self._key else subject
        end = datetime.now(UTC) + timedelta(days=days)
        builder = (
            x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
            .not_valid_before(end - timedelta(days=60))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=key is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
            .add_extension(_usage(signs=key is None), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(signer, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    # VERIFY_X509_STRICT, the default from Python 3.13 on, wants it of an authority.
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)  # noqa: FBT003 - its order is X.509's


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@contextlib.contextmanager
def authority() -> Iterator[Authority]:
    """Make an authority; its files are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="scalekit-test-") as folder:
        yield Authority(folder)
