"""Rows of the user's files: CSV, TSV, JSON lines and Parquet, compressed or not.

Rows are read one by one, so that a file may be larger than the memory.
"""
