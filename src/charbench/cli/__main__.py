"""``python -m charbench.cli``."""

from charbench.cli import main

main()
