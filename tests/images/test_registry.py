"""What tags mean, asked at real registries: an open one, one with passwords, one that trusts tokens."""

from __future__ import annotations

import base64
import datetime as dt
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dreamnet_actions.adapters.registry import NoSuchImage, Reference, Registry
from dreamnet_actions.adapters.registrylogins import Logins
from dreamnet_actions.errors import ConfigError, TemporaryError, Unauthenticated
from tests.images.registries import Running, environment, logged_in, registry

pytestmark = pytest.mark.slow
WORD = "a:b c"


def push(host: str, folder: Path, name: str) -> str:
    """Push an image of one file by buildah; answer its digest."""
    (folder / "a").write_text(name, "utf-8")
    (folder / "Containerfile").write_text("FROM scratch\nCOPY a /a\n", "utf-8")
    base = ["buildah", "--storage-driver=vfs", f"--root={folder}/root", f"--runroot={folder}/run"]
    words = ["build", "--quiet", "--isolation=chroot", "--tag", name, str(folder)]
    subprocess.run([*base, *words], check=True, capture_output=True, timeout=120)
    where = f"docker://{host}/{name}"
    more = ["--tls-verify=false", f"--digestfile={folder}/digest"]
    subprocess.run([*base, "push", *more, name, where], check=True, capture_output=True, timeout=120)
    return (folder / "digest").read_text("ascii").strip()


def test_a_tag_is_its_digest_and_a_digest_needs_no_registry(open_registry: Running, tmp_path: Path) -> None:
    asks, host = Registry(Logins(environment(tmp_path))), open_registry.host
    digest = push(host, tmp_path, "tags/web:1.0")
    assert asks.digest(f"{host}/tags/web:1.0") == digest
    assert asks.digest(f"nowhere.invalid/web@{digest}") == digest
    with pytest.raises(NoSuchImage, match="has no image"):
        asks.digest(f"{host}/tags/web:2.0")
    with pytest.raises(NoSuchImage):
        asks.digest(f"{host}/tags/nothing")
    with pytest.raises(TemporaryError, match="could not be asked"):
        asks.digest("127.0.0.1:9/web:1")
    for wrong in ("", "UPPER/case:1", "a b", "web:", "web@sha256:1", "-x", "https://host/web"):
        with pytest.raises(ConfigError):
            asks.digest(wrong)


@pytest.mark.parametrize(
    ("text", "host", "path", "tag"),
    [
        ("web", "", "web", ""),
        ("library/web:1", "", "library/web", "1"),
        ("registry.example/p/r/web:v1.0_x-y", "registry.example", "p/r/web", "v1.0_x-y"),
        ("localhost/web", "localhost", "web", ""),
        ("registry:5000/web:1", "registry:5000", "web", "1"),
        ("[::1]:5000/web", "[::1]:5000", "web", ""),
    ],
)
def test_names_are_taken_apart_as_docker_does(text: str, host: str, path: str, tag: str) -> None:
    found = Reference.parse(text)
    assert (found.host, found.path, found.tag) == (host, path, tag)


def test_a_registry_with_passwords_is_shown_the_login_of_docker(tmp_path: Path) -> None:
    words = tmp_path / "htpasswd"
    words.write_text(_htpasswd("somebody", WORD), "utf-8")
    with registry(tmp_path / "registry", htpasswd={"realm": "r", "path": str(words)}) as running:
        image = f"{running.host}/web:1"
        with pytest.raises(Unauthenticated, match="none is known"):
            Registry(Logins(environment(tmp_path))).digest(image)
        bad = logged_in(tmp_path / "bad", running.host, "somebody", "wrong")
        with pytest.raises(Unauthenticated, match="does not show it") as caught:
            Registry(Logins(bad)).digest(image)
        assert "docker login" in caught.value.hint
        good = logged_in(tmp_path / "good", running.host, "somebody", WORD)
        with pytest.raises(NoSuchImage):  # let in
            Registry(Logins(good)).digest(image)
        program = tmp_path / "bin" / "docker-credential-mine"
        program.parent.mkdir()
        answer = json.dumps({"ServerURL": running.host, "Username": "somebody", "Secret": WORD})
        program.write_text(
            f"#!/bin/sh\nread server\ntest \"$1 $server\" = 'get {running.host}' && echo '{answer}'\n"
        )
        program.chmod(0o755)
        folder = tmp_path / "helped"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"credHelpers": {running.host: "mine"}}), "utf-8")
        helped = environment(tmp_path) | {"DOCKER_CONFIG": str(folder)}
        helped["PATH"] = f"{program.parent}:{helped['PATH']}"
        with pytest.raises(NoSuchImage):
            Registry(Logins(helped)).digest(image)


def _htpasswd(user: str, word: str) -> str:
    """Write the line that htpasswd writes: bcrypt, made by the C library."""
    import ctypes

    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    made = crypt(word.encode(), b"$2b$05$abcdefghijklmnopqrstuu")
    return f"{user}:{made.decode()}\n"


class Tokens(ThreadingHTTPServer):
    """A server of tokens as registries trust them (distribution: docs/spec/auth/token.md, jwt.md)."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[tuple[str, dict[str, list[str]], str | None]] = []
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens")])
        now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=36500))
            .sign(self.key, hashes.SHA256())
        )
        self.bundle = folder / "tokens.crt"
        self.bundle.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        super().__init__(("127.0.0.1", 0), Asked)

    def token(self, scope: str) -> str:
        kind, name, actions = scope.split(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        now = int(dt.datetime.now(dt.UTC).timestamp())
        claims: dict[str, Any] = {"iss": "us", "aud": "registry", "sub": "x", "access": access}
        claims |= {"nbf": now - 60, "iat": now - 60, "exp": now + 600, "jti": "1"}
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return jwt.encode(claims, self.key, "ES256", headers={"x5c": [base64.b64encode(der).decode()]})


class Asked(BaseHTTPRequestHandler):
    server: Tokens

    def _answer(self, given: dict[str, list[str]]) -> None:
        proof = self.headers.get("Authorization")
        self.server.asked.append((self.command, given, proof))
        good = base64.b64encode(b"somebody:word").decode()
        allowed = proof == f"Basic {good}" or given.get("refresh_token") == ["identity"]
        body = json.dumps({"access_token": self.server.token(given["scope"][0])} if allowed else {}).encode()
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer(parse_qs(urlsplit(self.path).query))

    def do_POST(self) -> None:
        self._answer(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    server = Tokens(tmp_path)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_registry_that_trusts_tokens_gets_one(tokens: Tokens, tmp_path: Path) -> None:
    realm = f"http://127.0.0.1:{tokens.server_port}/token"
    token = {"realm": realm, "service": "registry", "issuer": "us", "rootcertbundle": str(tokens.bundle)}
    with registry(tmp_path / "registry", token=token) as running:
        image = f"{running.host}/p/web:1"
        good = logged_in(tmp_path / "good", running.host, "somebody", "word")
        with pytest.raises(NoSuchImage):  # the registry itself judged the token
            Registry(Logins(good)).digest(image)
        assert tokens.asked[-1][1] == {"service": ["registry"], "scope": ["repository:p/web:pull"]}
        with pytest.raises(Unauthenticated, match="none is known"):
            Registry(Logins(environment(tmp_path))).digest(image)
        folder = tmp_path / "identity"
        folder.mkdir()
        auths = {"auths": {f"https://{running.host}": {"identitytoken": "identity"}}}
        (folder / "config.json").write_text(json.dumps(auths), "utf-8")
        with pytest.raises(NoSuchImage):
            Registry(Logins(environment(tmp_path) | {"DOCKER_CONFIG": str(folder)})).digest(image)
        assert tokens.asked[-1][0] == "POST"
