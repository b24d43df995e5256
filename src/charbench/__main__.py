"""``python -m charbench``."""

from charbench.cli import main

main()
