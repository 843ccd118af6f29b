"""How a cluster is reached: a kubeconfig, or the service account of the pod that DreamNet runs in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dreamnet_actions.adapters.kubernetes.options import KubernetesPlatformOptions
from dreamnet_actions.errors import ConfigError

if TYPE_CHECKING:
    from kubernetes.client import Configuration


def configuration(
    options: KubernetesPlatformOptions, environ: Mapping[str, str], root: Path
) -> Configuration:
    """Answer where the API server is and who we are, read by the official client (exec plugins, tokens that are
    refreshed, certificates). A relative ``kubeconfig`` is one below ``root``.

    Raises ConfigError where nothing tells of a cluster, or what tells cannot be read.
    """
    from kubernetes import client, config  # late: it takes a third of a second

    found, load = client.Configuration(), cast("Any", config)  # its loaders have no types
    given = options.kubeconfig and str(root / Path(options.kubeconfig).expanduser())
    file = given or environ.get("KUBECONFIG", "")
    try:
        if not file and environ.get("KUBERNETES_SERVICE_HOST"):
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
            hint="Set KUBECONFIG, or 'kubeconfig' of the platform; in a pod, give it a service account.",
        ) from error
    return found
