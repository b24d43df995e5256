"""The report: a row for each checkpoint, with what must be known before it is believed."""
