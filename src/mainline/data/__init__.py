"""From the sources to the prepared frame: collecting, splitting, preparing, the point-in-time check."""
