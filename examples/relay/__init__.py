"""The relay in a process of its own, beside any number of servers on one store."""
