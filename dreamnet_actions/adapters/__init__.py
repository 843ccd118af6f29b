"""Adapters: the ports of DreamNet onto real programs. Families do not know each other."""
