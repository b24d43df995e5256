"""How work runs: retries, back-off, deadlines, and the circuit breaker."""
