"""The one way to Tinker's SDK: imported only when used, every call under a deadline of ours.

Supports ``tinker>=0.24.1,<0.40``. From 0.38 on, ``create_*client`` returns a future; anything that has
``.result()`` is resolved here.
"""
