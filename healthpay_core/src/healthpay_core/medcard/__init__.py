"""The MedCard: a card on a wallet, spent with health-care merchants."""
