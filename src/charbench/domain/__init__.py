"""The words of charbench as frozen values: no I/O, no third-party imports."""
