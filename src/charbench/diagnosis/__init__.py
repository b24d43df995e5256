"""The diagnose stage: why are there no responses, or no character? Probes, and the rules that read them."""
