"""GitHub as a home: dreams as issues, messages as dispatches, the journal on a branch, releases as deployments."""
