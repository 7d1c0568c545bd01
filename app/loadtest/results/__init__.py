"""What a load test found: figures, comparisons, the report as a document and as a page."""
