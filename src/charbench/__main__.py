"""``python -m charbench``, and the command ``charbench``."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line; from here on a signal ends the process in time, during imports too."""
    from charbench.concurrency.interrupt import INTERRUPTED, own_the_process

    try:
        own_the_process()
        # Threads of NumPy's and SciPy's linear algebra sleep when they have nothing to do: by themselves each takes a
        # core for a tenth of a second after it was made, and after each of its tasks.
        os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
        from charbench.cli import main as run
        from charbench.config.user_cache import use

        use()
        try:
            run()
        finally:
            gc.freeze()  # or Python looks through all that was loaded while it ends: a third of a second after a run
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
