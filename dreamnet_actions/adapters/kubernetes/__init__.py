"""Kubernetes: services are workloads of a cluster, changed by server-side apply and seen by watches."""
