"""A suite of pytest tests per port: what its docstring promises, for any adapter.

Subclass the suite in a test module, with a name that pytest collects, and override its fixtures to make yours.
"""
