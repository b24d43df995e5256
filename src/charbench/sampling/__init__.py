"""The sample stage: from prompts to samples in the store."""
