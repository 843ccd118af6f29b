"""What Secret Manager tells to a secret's topics, and Pub/Sub pushes on to who subscribed, at least once.

https://cloud.google.com/secret-manager/docs/event-notifications and https://cloud.google.com/pubsub/docs/push.
"""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dreamnet_actions.testing.google.secretmanager.refusals import invalid, precondition
from dreamnet_actions.testing.google.secretmanager.store import Secret, Version
from dreamnet_actions.testing.google.world import World

ACKNOWLEDGED = frozenset({102, 200, 201, 202, 204})
"""HTTP's statuses that acknowledge a push; any other has it come again."""
MOST = 10
"""Topics of one secret."""
PUBLISHER = "roles/pubsub.publisher"
_TEST = "TOPIC_CONFIGURED"


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A push subscription with a token: ``account`` is whose, ``audience`` whom it is made for."""

    name: str
    topic: str
    endpoint: str
    account: str
    audience: str
    wrapped: bool = True


@dataclass(kw_only=True)
class Pubsub:
    """The topics of all projects, with who subscribed. ``first_wait`` and ``longest_wait`` are the seconds before a
    push that was not acknowledged comes again (Google's wait is the subscription's retry policy)."""

    world: World
    first_wait: float = 0.1
    longest_wait: float = 2.0
    at_once: int = 8
    pushes: list[tuple[str, int]] = field(default_factory=list)
    """Every push that was tried: the message's id and the status, 0 where nobody answered."""

    def __post_init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._ended = threading.Event()
        self._lock = threading.Condition()
        self._open = self._count = 0
        self._pool = ThreadPoolExecutor(self.at_once, thread_name_prefix="pubsub")

    def agent(self, project: str) -> str:
        """Answer the member that is a project's Secret Manager."""
        return f"serviceAccount:service-{project}@gcp-sa-secretmanager.iam.gserviceaccount.com"

    def subscribe(
        self, topic: str, endpoint: str, *, account: str, audience: str = "", wrapped: bool = True
    ) -> Subscription:
        """Push what comes to a topic to an http address of this machine."""
        name = f"{topic.replace('/topics/', '/subscriptions/')}-push"
        made = Subscription(
            name=name,
            topic=topic,
            endpoint=endpoint,
            account=account,
            audience=audience or endpoint,
            wrapped=wrapped,
        )
        self._subscriptions.append(made)
        return made

    def check(self, secret: Secret) -> None:
        """Hold a secret's topics to the rules: whoever names one must have let Secret Manager publish to it. Raises
        Refusal."""
        if len(secret.topics) > MOST:
            raise invalid(f"Secret.topics: at most {MOST} are allowed.")
        agent = self.agent(secret.name.split("/")[1])
        for one in secret.topics:
            if agent not in self.world.policies.get(one, {}).get(PUBLISHER, set()):
                who = agent.removeprefix("serviceAccount:")
                raise precondition(f"{who} may not publish to {one} (pubsub.topics.publish).")

    def tell(self, kind: str, secret: Secret, version: Version | None, resource: str) -> None:
        """Publish an event to the secret's topics; ``resource`` is the secret or version as JSON."""
        attributes = {"eventType": kind}
        if kind != _TEST:
            now = dt.datetime.fromtimestamp(self.world.now(), dt.UTC).isoformat()
            attributes |= {"dataFormat": "JSON_API_V1", "secretId": secret.name, "timestamp": now}
            if version is not None:
                attributes["versionId"] = f"{secret.name}/versions/{version.number}"
            if kind == "SECRET_DELETE":
                attributes["deleteType"] = "REQUESTED"
        for topic in secret.topics:
            self.publish(topic, attributes, resource if kind != _TEST else "")

    def publish(self, topic: str, attributes: Mapping[str, str], data: str = "") -> str:
        """Give a message to whoever subscribed to a topic; answers its id."""
        with self._lock:
            self._count += 1
            ident = str(2_070_443_601_311_540 + self._count)
            meant = [one for one in self._subscriptions if one.topic == topic]
            self._open += len(meant)
        for one in meant:
            self._pool.submit(self._deliver, one, ident, dict(attributes), data)
        return ident

    def settled(self, within: float) -> bool:
        """Say whether everything was acknowledged ``within`` seconds."""
        with self._lock:
            return self._lock.wait_for(lambda: self._open == 0, within)

    def close(self) -> None:
        """Push no more."""
        self._ended.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _deliver(self, to: Subscription, ident: str, attributes: dict[str, str], data: str) -> None:
        wait = self.first_wait
        while not self._ended.is_set():
            status = self.push(to, ident, attributes, data)
            self.pushes.append((ident, status))
            if status in ACKNOWLEDGED:
                break
            self._ended.wait(wait)
            wait = min(2 * wait, self.longest_wait)
        with self._lock:
            self._open -= 1
            self._lock.notify_all()

    def push(self, to: Subscription, ident: str, attributes: Mapping[str, str], data: str = "") -> int:
        """Make one delivery; answers its status, 0 where nobody answered."""
        published = dt.datetime.fromtimestamp(self.world.now(), dt.UTC).isoformat()
        token = self.world.issuer.token(to.account, to.audience)
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "CloudPubSub-Google"}
        if to.wrapped:
            message = {
                "attributes": dict(attributes),
                "messageId": ident,
                "message_id": ident,
                "publishTime": published,
            }
            if data:
                message["data"] = base64.b64encode(data.encode()).decode()
            body = json.dumps({"message": message, "subscription": to.name}).encode()
            headers["Content-Type"] = "application/json"
        else:
            body = data.encode()
            about = {"message-id": ident, "subscription-name": to.name, "publish-time": published}
            headers |= {f"x-goog-pubsub-{key}": value for key, value in about.items()} | dict(attributes)
        parts = urlsplit(to.endpoint)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        try:
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        return answer.status
