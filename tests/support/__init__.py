"""What the tests share: ways to run charbench, and to build labs and plugins for it."""
