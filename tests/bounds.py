"""How long a test waits for what never comes. A bound is for a hang: no machine is so busy that it is reached."""

HANG = 1200  # seconds
