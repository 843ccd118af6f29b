"""What a repository needs to run DreamNet, and how it is written there: behind ``init`` and ``doctor``.

``look`` reads the repository, ``recognise`` (pure) sees services in what was read, ``draft`` and ``workflows`` (pure)
write the files, ``cost`` (pure) counts minutes, ``writing`` compares and writes without ever overwriting.
"""
