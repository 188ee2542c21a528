"""The command `y90`."""
