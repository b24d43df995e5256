"""Requests to models: the one client of samplers and judges, built in or not."""
