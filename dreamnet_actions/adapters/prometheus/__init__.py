"""Prometheus, and whatever answers its query API (Thanos, Mimir, VictoriaMetrics): numbers about services."""
