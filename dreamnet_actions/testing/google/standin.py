"""GoogleStandIn: all of it on loopback, and what a process has to have in its environment to be led there."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from dreamnet_actions.testing.google.certificates import authority_and_context
from dreamnet_actions.testing.google.front import Asked, Upstream, front
from dreamnet_actions.testing.google.issuer import PATH as CERTIFICATES
from dreamnet_actions.testing.google.secretmanager.server import SecretManagerServer
from dreamnet_actions.testing.google.serving import Server, google
from dreamnet_actions.testing.google.world import Provider, World

ISSUER = "https://token.actions.githubusercontent.com"
MAPPING = {
    "google.subject": "assertion.sub",
    "attribute.repository": "assertion.repository",
    "attribute.repository_id": "assertion.repository_id",
    "attribute.ref": "assertion.ref",
}
"""What docs/gke.md has a provider map."""
JOB = "a-jobs-own-bearer"


class GoogleStandIn:
    """A project at Google's, with GitHub's issuer of tokens beside it. ``folder`` keeps its files; ``now`` answers
    seconds since 1970, for itself and nobody else. ``close`` ends it."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self.world = World(now=now)
        self.folder = folder
        self.asked: list[Asked] = []
        self.claims: dict[str, Any] = {}
        """What GitHub's token says of the job that asks for one."""
        self._server = Server(google(self.world, self._job_token))
        self.authority, self._context = authority_and_context(folder, now())
        self.authority_file = folder / "authority.pem"
        self.authority_file.write_text(self.authority, encoding="ascii")
        self._fronts: list[Server] = []
        self.address = f"http://127.0.0.1:{self._server.port}"
        self._secrets: SecretManagerServer | None = None

    @cached_property
    def _github(self) -> Any:
        """GitHub's key; made when it is first needed, for that takes a second."""
        return _rsa()

    def close(self) -> None:
        """Stop everything."""
        for one in (self._server, *self._fronts):
            one.close()
        if self._secrets is not None:
            self._secrets.close()

    @property
    def secrets(self) -> SecretManagerServer:
        """Secret Manager; it starts when it is first asked for. Raises ImportError without the extra ``gcp``."""
        if self._secrets is None:
            self._secrets = SecretManagerServer(self.world, self.folder / "front.pem")
        return self._secrets

    # ── What there is ───────────────────────────────────────────────────────────────────────────────────

    def cluster(self, name: str, location: str, kubeconfig: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Have a cluster that is the API server which ``kubeconfig`` names; ``more`` are fields of the container
        API's."""
        project, number = self.world.project, self.world.number
        server = Server(front(self.world, Upstream(kubeconfig), self.asked), self._context)
        self._fronts.append(server)
        told = {
            "name": name,
            "location": location,
            "status": "RUNNING",
            "endpoint": f"127.0.0.1:{server.port}",
            "masterAuth": {"clusterCaCertificate": base64.b64encode(self.authority.encode()).decode()},
            "controlPlaneEndpointsConfig": {
                "dnsEndpointConfig": {"endpoint": f"localhost:{server.port}", "allowExternalTraffic": False},
                "ipEndpointsConfig": {"enabled": True, "publicEndpoint": f"127.0.0.1:{server.port}"},
            },
            "fleet": {
                "project": project,
                "membership": f"//gkehub.googleapis.com/projects/{number}/locations/global/memberships/{name}",
            },
            **more,
        }
        whole = f"projects/{project}/locations/{location}/clusters/{name}"
        self.world.clusters[whole] = told
        return told

    def provider(self, *, condition: str = "", audiences: tuple[str, ...] = (), **mapping: str) -> str:
        """Have a provider that trusts GitHub; answers its whole name."""
        pool = f"projects/{self.world.number}/locations/global/workloadIdentityPools/github"
        name = f"{pool}/providers/github"
        self.world.providers[name] = Provider(
            issuer=ISSUER,
            mapping=mapping or MAPPING,
            condition=condition,
            audiences=audiences,
            key=self._github.public_key(),
        )
        return name

    def account(self, name: str, *members: str) -> str:
        """Have a service account that may look clusters up and that ``members`` may act as; answers its address."""
        email = f"{name}@{self.world.project}.iam.gserviceaccount.com"
        self.world.accounts.setdefault(email, None)
        for one in members:
            self.world.bind(f"serviceAccounts/{email}", "roles/iam.workloadIdentityUser", one)
        self.world.bind(
            f"projects/{self.world.project}", "roles/container.clusterViewer", f"serviceAccount:{email}"
        )
        return email

    def key_of(self, email: str, key: Any = None) -> Path:
        """Make a key of a service account, or take ``key`` (an RSA private key); answers its file, as gcloud writes
        it."""
        from cryptography.hazmat.primitives import serialization

        key = key or _rsa()
        self.world.accounts[email] = key.public_key()
        form = (
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        told = {
            "type": "service_account",
            "project_id": self.world.project,
            "private_key_id": "1",
            "private_key": key.private_bytes(*form).decode("ascii"),
            "client_email": email,
            "client_id": "1",
            "token_uri": f"{self.address}/token",
        }
        return self._written("key.json", told)

    def auth_file(self, provider: str, account: str | None = None) -> Path:
        """Answer a file of credentials as google-github-actions/auth leaves one for the steps that follow."""
        told: dict[str, Any] = {
            "type": "external_account",
            "audience": f"//iam.googleapis.com/{provider}",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{self.address}/v1/token",
            "credential_source": {
                "url": f"{self.address}/github/token?audience=https%3A%2F%2Fiam.googleapis.com%2F{provider}",
                "headers": {"Authorization": f"Bearer {JOB}"},
                "format": {"type": "json", "subject_token_field_name": "value"},
            },
        }
        if account:
            told["service_account_impersonation_url"] = (
                f"{self.address}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
            )
        return self._written("federation.json", told)

    # ── A process ───────────────────────────────────────────────────────────────────────────────────────

    def environment(self) -> dict[str, str]:
        """Answer the variables that lead a process here, and nowhere else; no credentials are among them."""
        places = {
            f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": self.address
            for name in ("CONTAINER", "STS", "IAMCREDENTIALS")
        }
        if self._secrets is not None:
            places["CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"] = self._secrets.address
        gateway = f"https://localhost:{self._fronts[-1].port}" if self._fronts else ""
        host = self.address.removeprefix("http://")
        return {
            **places,
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONNECTGATEWAY": gateway,
            "DREAMNET_GOOGLE_CERTS": f"{self.address}{CERTIFICATES}",
            "CLOUDSDK_CONFIG": str(self.folder / "gcloud"),
            "GCE_METADATA_HOST": host,
            "GCE_METADATA_IP": host,
            "GCE_METADATA_TIMEOUT": "1",
            "GCE_METADATA_DETECT_RETRIES": "1",
            "SSL_CERT_FILE": str(self.authority_file),  # what the DNS endpoint's certificate is of
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def job(self, **claims: Any) -> dict[str, str]:
        """Answer the variables of a job that may ask GitHub for a token of its own, which says ``claims``."""
        self.claims = claims
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.address}/github/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": JOB,
        }

    def _job_token(self, audience: str, authorization: str | None) -> dict[str, Any]:
        import jwt

        if authorization != f"Bearer {JOB}":
            raise PermissionError("Bad credentials")
        now = int(self.world.now())
        said = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 300, **self.claims}
        return {"value": jwt.encode(said, self._github, algorithm="RS256", headers={"kid": "1"})}

    def _written(self, name: str, told: Mapping[str, Any]) -> Path:
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_text(json.dumps(told), encoding="utf-8")
        return file


def _rsa() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def job_claims(
    repository: str,
    ref: str,
    *,
    owner_id: str = "123456",
    repository_id: str = "456789",
    immutable: bool = False,
) -> dict[str, str]:
    """Answer what GitHub's token says of a job on ``ref`` of ``repository``.

    ``immutable``: with the numbers in the subject, as for repositories that were made or renamed since July 15, 2026
    (docs.github.com, "OpenID Connect", immutable subject claims).
    """
    owner, name = repository.split("/")
    known = f"{owner}@{owner_id}/{name}@{repository_id}" if immutable else repository
    return {
        "sub": f"repo:{known}:ref:{ref}",
        "repository": repository,
        "repository_id": repository_id,
        "repository_owner": owner,
        "repository_owner_id": owner_id,
        "ref": ref,
        "event_name": "push",
    }
