"""Whom TLS trusts: one rule for both transports, and no certificate check is ever off.

In order: SCALEKIT_CA_BUNDLE (or `ca_bundle` in the user's file), OpenSSL's own SSL_CERT_FILE and
SSL_CERT_DIR, the system's store (macOS: by truststore), certifi's list.

The context is not made by `ssl.create_default_context`: that one honours SSLKEYLOGFILE, and a file
of session keys lets whoever has it read every token off the wire.
"""

from __future__ import annotations

import os
import ssl
import sys

from scalekit_exec.errors import ConfigurationError, shown
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Trust", "choose"]

# Where distributions keep the whole list in one file, for gRPC, which reads no folder.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@record
class Trust:
    """The chosen anchors: PEM text, a file or a folder; all None means the system's store."""

    pem: str | None = None
    file: str | None = None
    folder: str | None = None
    source: str = "the system's store"

    def context(self) -> ssl.SSLContext:
        """Build the context; raises ConfigurationError `config-invalid` for an unreadable file."""
        if self.source == "truststore":
            import truststore

            return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            if self.pem is None and self.file is None and self.folder is None:
                context.set_default_verify_paths()
            else:
                context.load_verify_locations(self.file, self.folder, self.pem)
        except (OSError, ssl.SSLError) as error:
            raise self._unreadable(error) from None
        return context

    def roots(self) -> bytes:
        """Return the anchors as PEM, for gRPC; raises ConfigurationError `config-invalid`."""
        if self.pem is not None:
            return self.pem.encode()
        candidates = [self.file] if self.file else [ssl.get_default_verify_paths().cafile, *BUNDLES]
        if self.folder and not self.file:
            return self._folder_as_pem(self.folder)
        for path in candidates:
            if path and os.path.isfile(path):
                try:
                    with open(path, "rb") as file:
                        return file.read()
                except OSError as error:
                    raise self._unreadable(error) from None
        with open(_certifi(), "rb") as file:
            return file.read()

    def _folder_as_pem(self, folder: str) -> bytes:
        parts = []
        try:
            for name in sorted(os.listdir(folder)):
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        data = file.read()
                    if b"-----BEGIN CERTIFICATE-----" in data:
                        parts.append(data)
        except OSError as error:
            raise self._unreadable(error) from None
        return b"\n".join(dict.fromkeys(parts))

    def _unreadable(self, error: Exception) -> ConfigurationError:
        why = error.strerror if isinstance(error, OSError) and error.strerror else ""
        if isinstance(error, ssl.SSLError):
            why = "it holds no certificate in PEM form"
        return ConfigurationError(
            "config-invalid",
            f"CA file {shown(self.file or self.folder or '')} ({self.source}): {shown(why)}",
            f"set {self.source} to a PEM file that holds your company's CA, or unset it",
        )


def _certifi() -> str:
    import certifi

    return certifi.where()


def _has_anchors(paths: ssl.DefaultVerifyPaths) -> bool:
    if paths.cafile:
        return True
    try:
        return bool(paths.capath) and bool(os.listdir(paths.capath))
    except OSError:
        return False


def choose(environ: Mapping[str, str], ca_bundle: str | None = None) -> Trust:
    """Choose the anchors; `ca_bundle` is the user's file's word for what the environment lacks.

    Raises ConfigurationError `config-invalid` where a named file is not there. OpenSSL's variables
    are read from `environ`, so that an empty one counts as unset.
    """
    for source, path in (
        ("SCALEKIT_CA_BUNDLE", environ.get("SCALEKIT_CA_BUNDLE")),
        ("ca_bundle", ca_bundle),
        ("SSL_CERT_FILE", environ.get("SSL_CERT_FILE")),
        ("SSL_CERT_DIR", environ.get("SSL_CERT_DIR")),
    ):
        if not path:
            continue
        full = os.path.expanduser(path)
        if not os.path.exists(full):
            raise ConfigurationError(
                "config-invalid",
                f"CA file {shown(path)} ({source}) does not exist",
                f"set {source} to a PEM file, or unset it",
            )
        if os.path.isdir(full):
            return Trust(folder=full, source=source)
        return Trust(file=full, source=source)
    if sys.platform == "darwin":
        return Trust(source="truststore")
    if sys.platform == "win32" or _has_anchors(ssl.get_default_verify_paths()):
        return Trust()
    return Trust(file=_certifi(), source="certifi")
