"""The job that pushes the image which the candidate's job has left."""
