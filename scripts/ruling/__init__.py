"""Rule sets and lists from the analyst's side: files that are checked, and versions in the rules table."""
