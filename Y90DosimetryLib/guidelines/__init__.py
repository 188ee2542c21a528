"""Published recommendations as data, judged in three-valued logic."""
