"""How a cluster is reached: a kubeconfig, the service account of the pod that DreamNet runs in, or what a provider
offers (``ClusterAccess``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dreamnet_actions.adapters.kubernetes.options import KubernetesPlatformOptions
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.ports.cluster import ClusterAccess

if TYPE_CHECKING:
    from kubernetes.client import Configuration

TEXT = "DREAMNET_KUBECONFIG"
"""The variable that holds a kubeconfig itself: a secret of the repository's, in a job of a workflow."""


def configuration(
    options: KubernetesPlatformOptions, environ: Mapping[str, str], root: Path
) -> Configuration:
    """Answer where the API server is and who we are, read by the official client (exec plugins, tokens that are
    refreshed, certificates). A relative ``kubeconfig`` is one below ``root``; the text in ``DREAMNET_KUBECONFIG``
    counts where the options name none.

    Raises ConfigError where nothing tells of a cluster, or what tells cannot be read.
    """
    from kubernetes import client, config  # late: it takes a third of a second

    found, load = client.Configuration(), cast("Any", config)  # its loaders have no types
    given = options.kubeconfig and str(root / Path(options.kubeconfig).expanduser())
    text = "" if given else environ.get(TEXT, "").strip()
    file = given or environ.get("KUBECONFIG", "")
    try:
        if text:
            load.load_kube_config_from_dict(
                _read(text), options.context, client_configuration=found, persist_config=False
            )
        elif not file and environ.get("KUBERNETES_SERVICE_HOST"):
            load.load_incluster_config(client_configuration=found)
        else:
            load.load_kube_config(
                file or str(Path("~/.kube/config").expanduser()),
                options.context,
                client_configuration=found,
                persist_config=False,
            )
    except (config.ConfigException, OSError, ValueError) as error:
        raise ConfigError(
            f"No cluster is known: {' '.join(str(error).split())[:300]}",
            hint="Set KUBECONFIG, or 'kubeconfig' of the platform; in a pod, give it a service account; in a workflow, "
            "hand a kubeconfig over as the secret 'kubeconfig'.",
        ) from error
    return found


def _read(text: str) -> dict[str, Any]:
    """Read a kubeconfig's text. Raises ConfigError, which never holds a part of it."""
    import yaml  # the client's own reader

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    if isinstance(found, dict):
        return found
    raise ConfigError(
        f"{TEXT} holds no kubeconfig.",
        hint="It is the text of the file itself, not its path or its base64: gh secret set KUBECONFIG < kubeconfig",
    )


def reached_by(access: ClusterAccess) -> Configuration:
    """Answer a configuration of the official client that goes where ``access`` says, with its token of the moment."""
    from kubernetes import client  # late: it takes a third of a second

    place = access.endpoint()
    found: Any = client.Configuration(host=place.url, ca_cert_data=place.authority)
    found.api_key_prefix["BearerToken"] = "Bearer"

    def fresh(configuration: Configuration) -> None:
        configuration.api_key["BearerToken"] = access.token().reveal()

    found.refresh_api_key_hook = fresh
    found.access = access
    return cast("Configuration", found)


def renewed(configuration: Configuration, header: str | None) -> str | None:
    """Answer the header of another token than the one in ``header``, which the server refused; None where there is no
    other: credentials of a kubeconfig are what they are."""
    access: ClusterAccess | None = getattr(configuration, "access", None)
    if access is None or header is None:
        return None
    return f"Bearer {access.renew(SecretValue(header.removeprefix('Bearer '))).reveal()}"


def advice(configuration: Configuration) -> str:
    """Answer what to look at where the API server cannot be reached."""
    access: ClusterAccess | None = getattr(configuration, "access", None)
    return access.advice() if access else "Look at the cluster, the kubeconfig and the network."
