"""Every adapter by port and kind: its options for the schema, and where its class is. Nothing is imported but options.

Adding an adapter is one class with its options, one line here, and one page in ``docs/adapters/``; a test holds that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dreamnet_actions.adapters.files.options import (
    DotenvSinkOptions,
    DotenvSourceOptions,
    EnvironmentSourceOptions,
    FlagCopyOptions,
    JsonSourceOptions,
    YamlSourceOptions,
)
from dreamnet_actions.adapters.gcp.options import GkePlatformOptions, SecretManagerSourceOptions
from dreamnet_actions.adapters.github.options import GitHubSecretsOptions, GitHubVariablesOptions
from dreamnet_actions.adapters.kubernetes.options import (
    FlagConfigMapOptions,
    KubernetesConfigMapOptions,
    KubernetesPlatformOptions,
    KubernetesSecretOptions,
    KubernetesWorkload,
)
from dreamnet_actions.adapters.probes.options import CommandCheck, HttpCheck, TcpCheck, TlsCheck
from dreamnet_actions.adapters.process.options import (
    ProcessPlatformOptions,
    ProcessSinkOptions,
    ProcessWorkload,
)
from dreamnet_actions.adapters.prometheus.options import PrometheusCheck, PrometheusOptions
from dreamnet_actions.adapters.runner.options import JobEnvironmentOptions
from dreamnet_actions.adapters.webhooks.options import SlackOptions, WebhookOptions


@dataclass(frozen=True, kw_only=True)
class Row:
    """One adapter: the port it serves, its kind (the key in the configuration, or its home), and its class."""

    port: str
    kind: str
    adapter: str
    options: type[Any] | None = None
    workload: type[Any] | None = None


_HERE = "dreamnet_actions.adapters"

ROWS: tuple[Row, ...] = (
    Row(
        port="Platform",
        kind="process",
        adapter=f"{_HERE}.process.platform:ProcessPlatform",
        options=ProcessPlatformOptions,
        workload=ProcessWorkload,
    ),
    Row(
        port="Platform",
        kind="kubernetes",
        adapter=f"{_HERE}.kubernetes.platform:KubernetesPlatform",
        options=KubernetesPlatformOptions,
        workload=KubernetesWorkload,
    ),
    Row(
        port="Platform",
        kind="gke",
        adapter=f"{_HERE}.kubernetes.platform:KubernetesPlatform",
        options=GkePlatformOptions,
        workload=KubernetesWorkload,
    ),
    Row(port="ClusterAccess", kind="gke", adapter=f"{_HERE}.gcp.gke:GkeAccess"),
    Row(
        port="SecretSource",
        kind="dotenv",
        adapter=f"{_HERE}.files.source:DotenvSource",
        options=DotenvSourceOptions,
    ),
    Row(
        port="SecretSource",
        kind="yaml",
        adapter=f"{_HERE}.files.structured:YamlSource",
        options=YamlSourceOptions,
    ),
    Row(
        port="SecretSource",
        kind="json",
        adapter=f"{_HERE}.files.structured:JsonSource",
        options=JsonSourceOptions,
    ),
    Row(
        port="SecretSource",
        kind="environment",
        adapter=f"{_HERE}.files.structured:EnvironmentSource",
        options=EnvironmentSourceOptions,
    ),
    Row(
        port="SecretSource",
        kind="gcp-secret-manager",
        adapter=f"{_HERE}.gcp.secrets:SecretManagerSource",
        options=SecretManagerSourceOptions,
    ),
    Row(
        port="SecretSink", kind="dotenv", adapter=f"{_HERE}.files.sink:DotenvSink", options=DotenvSinkOptions
    ),
    Row(
        port="SecretSink",
        kind="process",
        adapter=f"{_HERE}.process.environment:ProcessEnvironmentSink",
        options=ProcessSinkOptions,
    ),
    Row(
        port="SecretSink",
        kind="job-environment",
        adapter=f"{_HERE}.runner.environment:JobEnvironmentSink",
        options=JobEnvironmentOptions,
    ),
    Row(
        port="SecretSink",
        kind="github-secrets",
        adapter=f"{_HERE}.github.secretsink:GitHubSecretsSink",
        options=GitHubSecretsOptions,
    ),
    Row(
        port="SecretSink",
        kind="github-variables",
        adapter=f"{_HERE}.github.variablesink:GitHubVariablesSink",
        options=GitHubVariablesOptions,
    ),
    Row(
        port="SecretSink",
        kind="kubernetes-secret",
        adapter=f"{_HERE}.kubernetes.secrets:KubernetesSecretSink",
        options=KubernetesSecretOptions,
    ),
    Row(
        port="SecretSink",
        kind="kubernetes-configmap",
        adapter=f"{_HERE}.kubernetes.secrets:KubernetesConfigMapSink",
        options=KubernetesConfigMapOptions,
    ),
    Row(port="Probe", kind="http", adapter=f"{_HERE}.probes.outside:OutsideProbe", options=HttpCheck),
    Row(port="Probe", kind="tcp", adapter=f"{_HERE}.probes.outside:OutsideProbe", options=TcpCheck),
    Row(port="Probe", kind="tls", adapter=f"{_HERE}.probes.outside:OutsideProbe", options=TlsCheck),
    Row(port="Probe", kind="command", adapter=f"{_HERE}.probes.outside:OutsideProbe", options=CommandCheck),
    Row(
        port="Probe",
        kind="prometheus",
        adapter=f"{_HERE}.prometheus.probe:PrometheusProbe",
        options=PrometheusCheck,
    ),
    Row(
        port="MetricSource",
        kind="prometheus",
        adapter=f"{_HERE}.prometheus.source:PrometheusSource",
        options=PrometheusOptions,
    ),
    Row(port="DreamStore", kind="sqlite", adapter=f"{_HERE}.sqlite.dreams:SqliteDreamStore"),
    Row(port="DreamStore", kind="github", adapter=f"{_HERE}.github.dreams:GitHubDreamStore"),
    Row(port="Journal", kind="sqlite", adapter=f"{_HERE}.sqlite.journal:SqliteJournal"),
    Row(port="Journal", kind="github", adapter=f"{_HERE}.github.journal:GitHubJournal"),
    Row(port="MessageBus", kind="sqlite", adapter=f"{_HERE}.sqlite.bus:SqliteMessageBus"),
    Row(port="MessageBus", kind="github", adapter=f"{_HERE}.github.bus:GitHubMessageBus"),
    Row(port="Lock", kind="sqlite", adapter=f"{_HERE}.sqlite.locks:SqliteLock"),
    Row(port="Lock", kind="github", adapter=f"{_HERE}.github.locks:GitHubLock"),
    Row(port="Keeping", kind="sqlite", adapter=f"{_HERE}.sqlite.keeping:SqliteKeeping"),
    Row(port="Keeping", kind="github", adapter=f"{_HERE}.github.keeping:GitHubKeeping"),
    Row(port="Source", kind="git", adapter=f"{_HERE}.git.source:GitSource"),
    Row(port="Source", kind="github", adapter=f"{_HERE}.github.source:GitHubSource"),
    Row(port="Builder", kind="directory", adapter=f"{_HERE}.git.builder:DirectoryBuilder"),
    Row(port="Builder", kind="buildah", adapter=f"{_HERE}.images.buildah:BuildahBuilder"),
    Row(port="Builder", kind="buildx", adapter=f"{_HERE}.images.buildx:BuildxBuilder"),
    Row(port="Builder", kind="cloud-build", adapter=f"{_HERE}.images.cloudbuild:CloudBuildBuilder"),
    Row(port="Document", kind="local", adapter=f"{_HERE}.files.documents:LocalDocument"),
    Row(port="Document", kind="github", adapter=f"{_HERE}.github.documents:GitHubDocument"),
    Row(
        port="FlagTarget",
        kind="file",
        adapter=f"{_HERE}.files.copies:FlagCopy",
        options=FlagCopyOptions,
    ),
    Row(
        port="FlagTarget",
        kind="kubernetes-configmap",
        adapter=f"{_HERE}.kubernetes.flagmaps:FlagConfigMap",
        options=FlagConfigMapOptions,
    ),
    Row(port="FlagStore", kind="flagd-file", adapter=f"{_HERE}.files.flags:FlagFile"),
    Row(port="ReleaseReporter", kind="console", adapter=f"{_HERE}.console.releases:ConsoleReleaseReporter"),
    Row(port="Conversation", kind="github", adapter=f"{_HERE}.github.conversation:GitHubConversation"),
    Row(port="Notices", kind="github", adapter=f"{_HERE}.github.notices:GitHubNotices"),
    Row(
        port="Notifier",
        kind="slack",
        adapter=f"{_HERE}.webhooks.slack:SlackNotifier",
        options=SlackOptions,
    ),
    Row(
        port="Notifier",
        kind="webhook",
        adapter=f"{_HERE}.webhooks.webhook:WebhookNotifier",
        options=WebhookOptions,
    ),
    Row(port="Hosting", kind="github", adapter=f"{_HERE}.github.hosting:GitHubHosting"),
    Row(
        port="ReleaseReporter",
        kind="github",
        adapter=f"{_HERE}.github.deployments:GitHubReleaseReporter",
    ),
    Row(port="Reporter", kind="console", adapter=f"{_HERE}.console.reporter:ConsoleReporter"),
    Row(port="Clock", kind="system", adapter=f"{_HERE}.system.clock:SystemClock"),
    Row(port="Ids", kind="uuid", adapter=f"{_HERE}.system.ids:UuidIds"),
)
