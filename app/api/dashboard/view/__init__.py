"""From findings to what the page shows: words, tables and plots as plain data, which the templates only lay out."""
