"""Formats of Apache Arrow: Parquet files and Arrow streams. Loaded only by a process that meets one."""
