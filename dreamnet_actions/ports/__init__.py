"""Ports: what keepers need, one role a file. The docstring is the contract; ``testing.contracts`` holds it.

Each port names its writing methods in ``WRITES``: the gate (pause, dry run) stands before exactly those.
"""
