"""The slots as the program fills them: the real options classes of every adapter family."""

from __future__ import annotations

from dreamnet_actions.adapters.files.options import DotenvSinkOptions, DotenvSourceOptions, FlagCopyOptions
from dreamnet_actions.adapters.probes.options import CommandCheck, HttpCheck, TcpCheck, TlsCheck
from dreamnet_actions.adapters.process.options import (
    ProcessPlatformOptions,
    ProcessSinkOptions,
    ProcessWorkload,
)
from dreamnet_actions.adapters.prometheus.options import PrometheusCheck, PrometheusOptions
from dreamnet_actions.adapters.webhooks.options import SlackOptions, WebhookOptions
from dreamnet_actions.config.compose import Slots, compose
from dreamnet_actions.domain.spec.models import MetricCheck, WorkloadCheck

SLOTS = Slots(
    platforms={"process": ProcessPlatformOptions},
    workloads={"process": ProcessWorkload},
    checks={
        "http": HttpCheck,
        "tcp": TcpCheck,
        "tls": TlsCheck,
        "command": CommandCheck,
        "workload": WorkloadCheck,
        "metric": MetricCheck,
        "prometheus": PrometheusCheck,
    },
    sources={"dotenv": DotenvSourceOptions},
    sinks={"dotenv": DotenvSinkOptions, "process": ProcessSinkOptions},
    notifiers={"slack": SlackOptions, "webhook": WebhookOptions},
    flag_targets={"file": FlagCopyOptions},
    metrics={"prometheus": PrometheusOptions},
)
COMPOSED = compose(SLOTS)

GOOD = """\
version: 1
services:
  web:
    platform: local
    command: [python, -m, http.server, "{port}"]
    port: 8080
    directory: services/web
    environment: {LOG_LEVEL: info, "no": "off"}
    ready: {http: /healthz, start-within: 10s}
    needs: [db]
    checks:
      home: {http: "http://127.0.0.1:8080/healthz", expect: {status: [200, 204], within: 2s, body-contains: ok}}
      port: {tcp: "localhost:8080", severity: degraded}
      certificate: {tls: "[::1]:443", expires-after: 14d}
      script: {command: [./check.sh], timeout: 500ms}
      pods: {workload: ready}
      load: {metric: requests-per-second, scale: {target: 100, min: 2, max: 10, tolerance: 12.5%}}
      errors: {prometheus: "sum(rate(errors_total[1m]))", max: 0.5, scale: {target: 100, min: 0, max: 10}}
    thresholds: {failures: 1, successes: 1}
    heal: [restart, rollback]
    release: {git: ., build: [make, all], strategy: {canary: [5%, 25%, 50%], soak: 60s}}
  db:
    platform: local
    command: [db]
    stop-grace: 1m30s
    heal: {order: fixed, steps: []}
platforms:
  local: {process: }
  other: {process: {cluster: blue}}
metrics: {prometheus: {url: "https://prometheus.example.com", token-variable: PROMETHEUS_TOKEN, timeout: 3s}}
env:
  app:
    from: {dotenv: app.env}
    to: [{process: web}, {dotenv: out/web.env}]
    keys: {DATABASE_URL: db-url@latest}
    require: [DATABASE_URL]
    rules: {DATABASE_URL: url}
flags: {file: flags.json, publish: [{file: out/flags.json}]}
routes:
  - {on: health-check-failed-needs-restart, to: deploykeeper, input: {action: restart, list: [1, {a: null}]}}
  - {on: "deploy-*", to: dreamkeeper, from: deploykeeper}
webhooks: {github: {secret-variable: WEBHOOK_SECRET}, shop: {secret-variable: SHOP, message: order},
  secrets: {pubsub: {service-account: pusher@shop-4711.iam.gserviceaccount.com, audience: "https://x.example",
    subscription: projects/shop-4711/subscriptions/dreamnet}}}
notify:
  needs-human:
    assignees: [octocat]
    tell: [{slack: }, {webhook: {url-variable: OUR_HOOK, secret-variable: OUR_KEY}}]
watch: {every: 12.5s, storm: 33.3%}
"""
