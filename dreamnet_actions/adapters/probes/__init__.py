"""Probes that look at a service from outside: http, tcp, tls and command."""
