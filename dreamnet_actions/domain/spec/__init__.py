"""What users want of their system, as values: the models of the configuration, and the kinds of value they hold.

They live in the domain because its rules and the ports speak of them; ``config`` reads, checks and explains a file.
"""
