"""The machine: every model earns its way to main."""
