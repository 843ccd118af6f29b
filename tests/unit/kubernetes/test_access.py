"""Which kubeconfig counts, and what a workflow's secret has to be."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from dreamnet_actions.adapters.kubernetes.access import TEXT, configuration
from dreamnet_actions.adapters.kubernetes.options import KubernetesPlatformOptions
from dreamnet_actions.errors import ConfigError

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: one
clusters:
  - {{name: x, cluster: {{server: "https://{host}"}}}}
users:
  - {{name: x, user: {{token: the-token}}}}
contexts:
  - {{name: one, context: {{cluster: x, user: x}}}}
"""


def host(environ: dict[str, str], root: Path, **options: str) -> str:
    found = configuration(KubernetesPlatformOptions(**options), environ, root)
    assert "the-token" in str(found.api_key)
    return str(found.host)


def test_the_text_counts_before_the_variable_and_after_the_options(tmp_path: Path) -> None:
    (tmp_path / "named").write_text(KUBECONFIG.format(host="named"))
    (tmp_path / "variable").write_text(KUBECONFIG.format(host="variable"))
    environ = {"KUBECONFIG": str(tmp_path / "variable"), TEXT: KUBECONFIG.format(host="text")}
    assert host(environ, tmp_path, kubeconfig="named") == "https://named"
    assert host(environ, tmp_path) == "https://text"
    assert host(environ | {TEXT: "\n"}, tmp_path) == "https://variable"  # a secret that is not set


@pytest.mark.parametrize(
    "text",
    [
        "/home/me/.kube/config",
        base64.b64encode(KUBECONFIG.encode()).decode(),
        "the-token: [",
        "a: b",
    ],
)
def test_what_is_no_kubeconfig_is_told_without_its_text(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configuration(KubernetesPlatformOptions(), {TEXT: text}, tmp_path)
    assert "the-token" not in refused.value.message + refused.value.hint
    assert "kubeconfig" in refused.value.message + refused.value.hint
