"""Bugs put into the sources one by one, and the tests that must see each."""
