"""Raw data: reading, checking, cleaning and splitting them by an event type."""

from fraud.data.errors import DataError
from fraud.data.validation import ValidationReport, validate_files

__all__ = ["DataError", "ValidationReport", "validate_files"]
