"""What a model is worth: metrics, intervals, comparison with the baseline, attribution, gates."""
