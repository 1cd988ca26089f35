"""The example server: settings from the environment, JSON logs, graceful stop."""
