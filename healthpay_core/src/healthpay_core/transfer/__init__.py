"""The transfer: money that moves between two wallets."""
