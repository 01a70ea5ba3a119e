"""Lambda functions in Python: processes with a clean environment, kept warm, several for each function."""
