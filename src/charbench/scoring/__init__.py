"""The score stage: from samples to scores and games in the store; labels by people."""
