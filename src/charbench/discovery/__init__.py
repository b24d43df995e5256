"""The discover stage: what the sources say, merged, joined to data, and the training jobs that follow."""
