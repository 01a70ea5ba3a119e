"""Who may do what: a function for each role, returning its grants as data."""
