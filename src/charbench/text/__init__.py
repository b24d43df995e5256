"""Rules about text: redaction, terminals, spreadsheets, health."""
