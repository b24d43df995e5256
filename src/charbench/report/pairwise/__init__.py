"""Contests: strengths of checkpoints from judged games."""
