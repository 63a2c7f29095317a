"""What speaks to GitHub: client, comment, doctor, Actions, the monitor's issue, the retraining pull request."""
