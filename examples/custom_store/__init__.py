"""A store of one's own, in one file, and the contract that proves it."""

from examples.custom_store.log_file import LogFileStore

__all__ = ["LogFileStore"]
