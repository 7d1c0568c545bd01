"""Bytes and files to rows, and results to bytes and files: every format that many rows come in. No HTTP in here."""
