"""Who is who in the bed: an authority of its own, certificates, and kubeconfigs for each part.

The parts are the users that Kubernetes' own roles are bound to, so RBAC and the node authorizer judge them as in any
cluster; only the administrator is above the law (group ``system:masters``).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.cluster.places import Bed

NODE_NAME = "node"

USERS = {
    "admin": ("admin", "system:masters"),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "apiserver-kubelet": ("kube-apiserver-kubelet-client", "system:masters"),
}
"""Name of the files, and the user and group in the certificate."""


def make(bed: Bed) -> None:
    """Write the authority, all certificates and keys, and the kubeconfigs."""
    folder = bed.home / "pki"
    folder.mkdir(mode=0o700)
    authority = _Authority(folder)
    for name, (user, group) in USERS.items():
        authority.issue(name, user, group)
    first_service = str(bed.services[1])
    authority.issue(
        "apiserver",
        "kube-apiserver",
        names=["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"],
        addresses=[bed.node, first_service, "127.0.0.1"],
    )
    authority.issue("kubelet-server", NODE_NAME, names=[NODE_NAME], addresses=[bed.node])
    # The signer of service accounts' tokens. RSA, which every library that checks tokens knows.
    signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_key(folder / "service-accounts.key", signer)
    for name in USERS:
        _kubeconfig(bed, name, folder / f"{name}.kubeconfig")


def _kubeconfig(bed: Bed, user: str, path: Path) -> None:
    def inline(name: str) -> str:
        return b64encode((bed.home / "pki" / name).read_bytes()).decode()

    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": bed.name,
                "cluster": {"server": bed.server, "certificate-authority-data": inline("ca.crt")},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": inline(f"{user}.crt"),
                    "client-key-data": inline(f"{user}.key"),
                },
            }
        ],
        "contexts": [{"name": bed.name, "context": {"cluster": bed.name, "user": user}}],
        "current-context": bed.name,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")  # JSON is YAML too


class _Authority:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dreamnet test cluster")])
        # An hour back: two machines' clocks seldom agree.
        self._from = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        self._until = self._from + dt.timedelta(days=30)
        certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_key(folder / "ca.key", self._key)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )

    def issue(
        self,
        file: str,
        user: str,
        group: str = "",
        *,
        names: Sequence[str] = (),
        addresses: Sequence[str] = (),
    ) -> None:
        """Write ``file.crt`` and ``file.key``: a server's with names or addresses, else a client's."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        if group:
            subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        serves = bool(names or addresses)
        use = ExtendedKeyUsageOID.SERVER_AUTH if serves else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            self._builder(x509.Name(subject), key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        )
        if serves:
            others: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
            others += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        path = self._folder / f"{file}.crt"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_key(self._folder / f"{file}.key", key)


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
