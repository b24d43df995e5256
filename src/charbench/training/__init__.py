"""The train stage: from jobs to checkpoints."""
