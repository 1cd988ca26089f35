"""The wallet: its facts, its orders, its states, its decisions."""
