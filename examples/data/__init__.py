"""A month of a healthcare wallet programme, drawn from a seed; see README.md."""
