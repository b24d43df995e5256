"""Which checkpoints are viable: the rule, and what it comes to in words."""
