"""The guesses of `make init`, one idea a module: each takes what was measured and says what it chose, and why."""
