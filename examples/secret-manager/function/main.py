"""A Cloud Run function that passes Secret Manager's events on to a repository, where DreamNet's workflow syncs."""

import json
import os
import urllib.request

import functions_framework

READABLE = ("SECRET_VERSION_ADD", "SECRET_VERSION_ENABLE")
QUIET = ("", "TOPIC_CONFIGURED", "SECRET_CREATE", "SECRET_ROTATE")


@functions_framework.cloud_event
def secret_changed(event):
    """Send one dispatch for an event that may have changed a value; an error has Pub/Sub deliver it again."""
    told = event.data["message"].get("attributes") or {}
    kind = told.get("eventType", "")
    if kind in QUIET:
        return
    secret = told["versionId"] if kind in READABLE else told["secretId"]
    body = {"event_type": "secret-changed", "client_payload": {"secret": secret}}
    request = urllib.request.Request(
        f"{os.environ.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{os.environ['REPOSITORY']}/dispatches",
        json.dumps(body).encode(),
        {
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10):
        pass
