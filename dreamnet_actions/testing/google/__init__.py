"""A stand-in for Google Cloud on loopback: tokens, federation, service accounts, and clusters that are really there.

google-auth talks to it unpatched, by the variables and files that it reads anyway; a cluster that it hands out is a
real API server, behind a front that knows the stand-in's tokens (``front.py``).
"""
