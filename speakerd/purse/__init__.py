"""What it costs: prices, ledger, budget."""
