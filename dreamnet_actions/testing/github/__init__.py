"""A working stand-in for GitHub on this machine: REST, git and workflows, behind `dreamnet sandbox` and the tests."""
