"""What a run needs beside `mainline run` where GitHub Actions started it."""
