"""What the trainers of language models share: recipes, their options, rows of tokens, and resuming with either."""
