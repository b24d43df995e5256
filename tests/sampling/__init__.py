"""A package, so that its modules may be called like others (``test_sampling``)."""
