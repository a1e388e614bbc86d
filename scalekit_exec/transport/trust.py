"""Whom TLS trusts: one rule for both transports, and no certificate check is ever off.

In order: SCALEKIT_CA_BUNDLE (or `ca_bundle` in the user's file), OpenSSL's own SSL_CERT_FILE and
SSL_CERT_DIR, the system's store (macOS: by truststore), certifi's list.

The system's store is often there twice: as a folder, where OpenSSL opens one file a name, and as a
list, which takes 15 ms to read. The list is read only if the folder lacks the server's authority.

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

__all__ = ["SystemContext", "Trust", "choose", "takes_bytes"]

# Where distributions keep the whole list in one file, for gRPC, which reads no folder.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
NO_CERTIFICATE = "it holds no certificate in PEM form"


class SystemContext(ssl.SSLContext):
    """Trusts the system's folder of authorities, and once `complete` its whole store.

    `whole` tells which; where no folder can be looked into by name, it is from the beginning.
    """

    whole = False

    def begin(self) -> None:
        """Trust the folder, or all where there is none that OpenSSL could use."""
        folder = ssl.get_default_verify_paths().capath
        if folder and _is_hashed(folder):
            self.load_verify_locations(capath=folder)
        else:
            self.complete()

    def complete(self) -> None:
        """Trust all that OpenSSL itself would, or Windows; more than once does no harm."""
        self.load_default_certs()
        self.whole = True


def takes_bytes(context: ssl.SSLContext) -> bool:
    """Tell whether a server's name may be bytes: of the standard library's own contexts it may.

    truststore's want text, and `truststore.inject_into_ssl()` makes every class below it one.
    """
    return isinstance(context, SystemContext) and ssl.SSLContext.__module__ == "ssl"


@record
class Trust:
    """The chosen anchors: PEM text, a file, folders; all None means the system's store.

    `folder` may be several, as in SSL_CERT_DIR, with the system's separator between them.
    """

    pem: str | None = None
    file: str | None = None
    folder: str | None = None
    source: str = "the system's store"

    def context(self) -> ssl.SSLContext:
        """Build the context; raises ConfigurationError `config-invalid` for an unreadable file."""
        if self.source == "truststore":
            import truststore

            return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context = SystemContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            if self.pem is None and self.file is None and self.folder is None:
                context.begin()
            else:
                context.whole = True
                context.load_verify_locations(self.file, self.folder, self.pem)
        except (OSError, ssl.SSLError) as error:
            raise self._unreadable(error) from None
        return context

    def roots(self) -> bytes:
        """Return the anchors as PEM, for gRPC; raises ConfigurationError `config-invalid`."""
        if self.pem is not None:
            return self.pem.encode()
        if self.file or self.folder:
            return self._as_pem()
        system = filter(None, (ssl.get_default_verify_paths().cafile, *BUNDLES))
        with open(next(filter(os.path.isfile, system), None) or _certifi(), "rb") as file:
            return file.read()

    def _as_pem(self) -> bytes:
        parts = []
        try:
            paths = [self.file] if self.file else []
            for folder in filter(os.path.isdir, (self.folder or "").split(os.pathsep)):
                names = sorted(os.listdir(folder))
                paths += filter(os.path.isfile, (os.path.join(folder, name) for name in names))
            for path in paths:
                with open(path, "rb") as file:
                    data = file.read()
                if b"-----BEGIN CERTIFICATE-----" in data:
                    parts.append(data)
        except OSError as error:
            raise self._unreadable(error) from None
        if not parts:  # gRPC would take nothing for a wish to use its own list
            raise self._unreadable(OSError(0, NO_CERTIFICATE))
        return b"\n".join(dict.fromkeys(parts))

    def _unreadable(self, error: Exception) -> ConfigurationError:
        why = error.strerror if isinstance(error, OSError) and error.strerror else ""
        if isinstance(error, ssl.SSLError):
            why = NO_CERTIFICATE
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


def _is_hashed(folder: str) -> bool:
    """Tell whether a folder has names by which OpenSSL finds authorities: 1f2e3d4c.0."""
    try:
        return any(len(name) == 10 and name.endswith(".0") for name in os.listdir(folder))
    except OSError:
        return False


def _existing(path: str, source: str, separator: str | None = None) -> str:
    """Return the path, or those of several that are there; with `~` for the home."""
    given = path.split(separator) if separator else [path]
    paths = list(map(os.path.expanduser, given))
    found = [full for full in paths if os.path.isfile(full) or os.path.isdir(full)]
    if not found:
        why = "is no file" if any(map(os.path.exists, paths)) else "does not exist"
        raise ConfigurationError(
            "config-invalid",
            f"CA file {shown(path)} ({source}) {why}",
            f"set {source} to a PEM file, or unset it",
        )
    return os.pathsep.join(found)


def choose(environ: Mapping[str, str], ca_bundle: str | None = None) -> Trust:
    """Choose the anchors; `ca_bundle` is the user's file's word for what the environment lacks.

    Raises ConfigurationError `config-invalid` where a named file is not there. OpenSSL's variables
    are read from `environ`, so that an empty one counts as unset; as in OpenSSL they hold together,
    and SSL_CERT_DIR may name several folders, of which some are not there.
    """
    for source, path in (
        ("SCALEKIT_CA_BUNDLE", environ.get("SCALEKIT_CA_BUNDLE")),
        ("ca_bundle", ca_bundle),
    ):
        if path:
            full = _existing(path, source)
            if os.path.isdir(full):
                return Trust(folder=full, source=source)
            return Trust(file=full, source=source)
    file, folders = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if file or folders:
        source = " and ".join(
            name for name, path in (("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folders)) if path
        )
        return Trust(
            file=_existing(file, "SSL_CERT_FILE") if file else None,
            folder=_existing(folders, "SSL_CERT_DIR", os.pathsep) if folders else None,
            source=source,
        )
    if sys.platform == "darwin":
        return Trust(source="truststore")
    if sys.platform == "win32" or _has_anchors(ssl.get_default_verify_paths()):
        return Trust()
    return Trust(file=_certifi(), source="certifi")
