"""SecretManagerServer: the service over gRPC on two ports of 127.0.0.1, one with TLS and one without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dreamnet_actions.testing.google.secretmanager.faults import Ledger
from dreamnet_actions.testing.google.secretmanager.refusals import Refusal
from dreamnet_actions.testing.google.secretmanager.store import Secret, Store
from dreamnet_actions.testing.google.secretmanager.topics import PUBLISHER, Pubsub
from dreamnet_actions.testing.google.world import World

WORKERS = 32
"""Calls at the same time; more wait."""


class SecretManagerServer:
    """Secret Manager for the projects ``numbers`` (id → number), beginning without a secret. ``certificate`` is a file
    with key and certificate, in PEM. ``close`` ends it.

    ``store`` holds the secrets, ``ledger`` counts, limits and breaks, ``pubsub`` pushes what happens to secrets that
    have a ``topic``; ``put`` and ``grant`` are the short ways to what ``gcloud secrets create`` and ``gcloud secrets
    add-iam-policy-binding`` do. Made where the packages of the extra ``gcp`` are; ImportError elsewhere.
    """

    def __init__(self, world: World, certificate: Path, numbers: Mapping[str, str] | None = None) -> None:
        import grpc

        from dreamnet_actions.testing.google.secretmanager import messages
        from dreamnet_actions.testing.google.secretmanager.service import SecretManager

        self._world = world
        self.store = Store(numbers or {world.project: world.number}, world.now)
        self.ledger = Ledger(now=world.now)
        self.pubsub = Pubsub(world=world)
        self.store.check_topics = self.pubsub.check
        self.store.heard = lambda kind, secret, version: self.pubsub.tell(
            kind, secret, version, messages.as_json(secret, version) if secret.topics else ""
        )
        self._service = SecretManager(world, self.store, self.ledger)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="secretmanager")
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                self._handler(name), request_deserializer=reads, response_serializer=writes
            )
            for name, (reads, writes) in messages.forms().items()
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(messages.PACKAGE, handlers),)
        )
        pem = certificate.read_bytes()
        place = pem.index(b"-----BEGIN CERTIFICATE-----")
        secure = grpc.ssl_server_credentials([(pem[:place], pem[place:])])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.secure_port = self._server.add_secure_port("127.0.0.1:0", secure)
        self._server.start()

    @property
    def address(self) -> str:
        """Where it is without TLS, as an endpoint override says it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def secure_address(self) -> str:
        """Where it is with TLS."""
        return f"https://localhost:{self.secure_port}"

    def close(self) -> None:
        """Stop serving, whatever is under way."""
        self.pubsub.close()
        self._service.close()
        self._server.stop(0).wait(10)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def put(
        self, name: str, value: bytes | str, *, project: str = "", location: str = "", **more: Any
    ) -> str:
        """Give a secret another version, and make the secret where there is none; answers the version's number.
        ``more`` are fields of ``Secret`` (``labels``)."""
        parent = f"projects/{project or self._world.project}"
        parent += f"/locations/{location}" if location else ""
        whole = f"{parent}/secrets/{name}"
        if not self.store.holds(whole):
            self.store.create(parent, name, Secret(name="", id="", created=0.0, **more))
        data = value.encode() if isinstance(value, str) else value
        return str(self.store.add(whole, data, None)[1].number)

    def grant(
        self, member: str, role: str, *, secret: str = "", project: str = "", location: str = ""
    ) -> None:
        """Give ``member`` a role (``viewer``, ``secretAccessor``, ``admin``) on one secret, or on the project."""
        resource = f"projects/{project or self._world.project}"
        if secret:
            resource += f"/locations/{location}" if location else ""
            resource += f"/secrets/{secret}"
        self._world.bind(resource, f"roles/secretmanager.{role}", member)

    def topic(self, name: str, *, project: str = "") -> str:
        """Have a topic to which the project's Secret Manager may publish (``gcloud pubsub topics create`` and
        ``add-iam-policy-binding``); answers its whole name."""
        whole = f"projects/{project or self._world.project}/topics/{name}"
        number = self.store.numbers[project or self._world.project]
        self._world.bind(whole, PUBLISHER, self.pubsub.agent(number))
        return whole

    def _handler(self, method: str) -> Callable[[Any, Any], Any]:
        from grpc_status import rpc_status

        def handle(request: Any, context: Any) -> Any:
            told = dict(context.invocation_metadata())
            try:
                if self._world.away:
                    raise Refusal(status="UNAVAILABLE", message="The service is currently unavailable.")
                return self._service.answer(method, request, told.get("authorization"))
            except Refusal as refusal:
                context.abort_with_status(rpc_status.to_status(status_of(refusal)))

        return handle


def status_of(refusal: Refusal) -> Any:
    """Write a refusal as google.rpc.Status, with its details."""
    import grpc
    from google.protobuf import any_pb2, duration_pb2
    from google.rpc import error_details_pb2, status_pb2

    found = status_pb2.Status(code=grpc.StatusCode[refusal.status].value[0], message=refusal.message)
    details: list[Any] = []
    if refusal.reason:
        details.append(
            error_details_pb2.ErrorInfo(
                reason=refusal.reason, domain=refusal.domain, metadata=dict(refusal.metadata)
            )
        )
    if refusal.retry is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(refusal.retry * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    for one in details:
        packed = any_pb2.Any()
        packed.Pack(one)
        found.details.append(packed)
    return found
