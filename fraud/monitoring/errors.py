"""Errors of data-quality monitoring; their messages name the field or file and the remedy."""


class BaselineError(ValueError):
    """A baseline file is malformed or asks for what is not supported."""


class DataError(ValueError):
    """A data set cannot be read at all."""
