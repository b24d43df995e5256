"""Rules about text that more than one part of charbench goes by: what is wrong with an answer."""
