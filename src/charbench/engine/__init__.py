"""The engine: one module a stage, and the plan. It owns concurrency, retries, progress and resuming."""
