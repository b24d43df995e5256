"""One run of the plan: session, plan, runner, dry run, result."""
