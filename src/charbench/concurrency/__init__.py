"""How work runs: retries, circuit breaker, worker pool, the one writer, group commit, interrupts, progress."""
