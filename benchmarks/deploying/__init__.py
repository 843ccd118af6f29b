"""Parts of the benchmark ``deploy``: the cases, who is compared, what is watched, the steady clients."""
