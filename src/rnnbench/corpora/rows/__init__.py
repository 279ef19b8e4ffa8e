"""Rows of the user's files, read one by one: a file may be larger than the memory."""
