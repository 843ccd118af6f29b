"""How a service stands, as DeployKeeper's ``status`` tells it."""

from __future__ import annotations

from collections.abc import Mapping

from dreamnet_actions.domain.release import ServiceState, TrackState


def standing(state: ServiceState | None, intent: object) -> dict[str, object]:
    """Put the platform's view of one service into plain data, with a sentence for people. ``intent`` is the note on the
    rollout that began last (``record.Record``)."""
    if state is None:
        return {
            "text": "not running",
            "desired": 0,
            "ready": 0,
            "version": None,
            "address": None,
            "replicas": [],
        }
    stable = state.stable
    text = f"{stable.told or f'{stable.ready} of {stable.desired} ready'}, version {stable.release.short}"
    canary = _canary(state.canary, intent) if state.canary else None
    if state.canary and canary:
        text += f", canary {state.canary.release.short} at {state.canary.weight:.0%}"
        real = state.canary.real_weight
        text += (
            f" (really {real:.0%})" if real is not None and abs(real - state.canary.weight) >= 0.005 else ""
        )
        text += f", which waits: {canary['waits']}" if canary["waits"] else ""
    return {
        "text": text,
        "desired": state.stable.desired,
        "ready": state.stable.ready,
        "version": state.stable.release.version,
        "address": state.address,
        "failure": state.stable.failure,
        "canary": canary,
        "replicas": [
            {
                "id": one.id,
                "track": one.track,
                "state": one.state,
                "version": one.version,
                "address": one.address,
                "pid": one.pid,
                "restarts": one.restarts,
            }
            for track in state.tracks.values()
            for one in track.replicas
        ],
    }


def _canary(track: TrackState, intent: object) -> dict[str, object]:
    waits = None
    if (
        isinstance(intent, Mapping)
        and intent["phase"] == "waits"
        and intent["version"] == track.release.version
    ):
        waits = f"{intent['text']}. {intent['hint']}"
    return {
        "version": track.release.version,
        "share": track.weight,
        "real_share": track.real_weight,
        "ready": track.ready,
        "desired": track.desired,
        "failure": track.failure,
        "waits": waits,
    }
