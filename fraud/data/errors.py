"""The one error of data that cannot be used."""


class DataError(ValueError):
    """The data cannot be used; each line of the message names a file or column and says what to do."""
