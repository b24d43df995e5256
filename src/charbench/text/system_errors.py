"""Names the limit that the system says was reached: a full disk, a quota, a size or a number of files."""

from __future__ import annotations

import errno

LIMITS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EROFS})
"""Errors that are nobody's mistake in a program: there is no room, or nothing may be written."""


def named_error(error: OSError) -> str:
    """Return what is wrong and what to do about it, in one line."""
    known = {
        errno.ENOSPC: "No space left on device (ENOSPC); free some space and run the same command again",
        errno.EDQUOT: "the disk quota is used up (EDQUOT); free some space or have the quota raised, and run the same "
        "command again",
        errno.EFBIG: f"the file would be larger than this process may write (EFBIG{_soft_limit('RLIMIT_FSIZE')}); "
        "raise the limit (ulimit -f unlimited) and run the same command again",
        errno.EMFILE: f"this process may open no more files (EMFILE{_soft_limit('RLIMIT_NOFILE')}); raise the limit "
        "(ulimit -n 4096) or lower concurrency, and run the same command again",
        errno.ENFILE: "the system may open no more files (ENFILE); close some programs and run the same command again",
        errno.EROFS: "the file system is mounted read-only (EROFS); name another store with --store, or another lab "
        "with --lab",
    }
    return known.get(error.errno or 0) or error.strerror or str(error)


def _soft_limit(name: str) -> str:
    try:
        import resource
    except ImportError:  # not on this system
        return ""
    soft, _ = resource.getrlimit(getattr(resource, name))
    return "" if soft == resource.RLIM_INFINITY else f", {name} is {soft:,}"
