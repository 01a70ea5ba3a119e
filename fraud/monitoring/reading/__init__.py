"""Reads data sets in batches: CSV as Spark reads it, JSON lines, parquet and captures, gzip or not, however broken."""
