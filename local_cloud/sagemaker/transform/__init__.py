"""Batch transform jobs: files through a serving process, record by record."""
