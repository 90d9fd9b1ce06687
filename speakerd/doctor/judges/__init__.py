"""What figures mean: findings for a human. Pure."""
