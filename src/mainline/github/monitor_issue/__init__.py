"""The monitor's issue: one for as long as something is wrong, and closed by itself. On the standard library alone."""
