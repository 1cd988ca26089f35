"""Performance figures, each a ratio or a rate with its spread; see README.md."""
