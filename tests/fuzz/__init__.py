"""Damaged files of every kind, given to the real commands. `make fuzz` tries 10,000, `make test` 500."""
