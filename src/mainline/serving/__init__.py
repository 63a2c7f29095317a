"""The server of an exported model. It imports neither scikit-learn nor pandas, and of Mainline only `errors`."""
