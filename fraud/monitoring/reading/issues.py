"""What was wrong with a data set's files, by name and number: nothing is dropped without being counted here."""

from __future__ import annotations

from collections import Counter

EXPLANATIONS = {
    "blank_files": "files without a byte",
    "challenger_files": "files that a challenger's answers were captured in; they are compared elsewhere",
    "extra_fields": "rows with more fields than columns; the fields beyond were left out",
    "ignored_files": "files whose names do not end as the format's do",
    "malformed": "records that could not be understood and are in no row",
    "missing_fields": "rows with fewer fields than columns; the missing ones count as missing values",
    "other_columns": "files whose columns are not those of the first file",
    "outside_window": "records of another time than the window's",
    "records": "records read",
    "replaced_characters": "characters that are no UTF-8 and were replaced",
    "shadow_records": "records of a shadow variant, which Model Monitor leaves out too",
    "truncated_files": "compressed files that end too early; an incomplete last record was left out",
    "unclosed_quotes": "quoted fields without an end",
    "unreadable_files": "files that could not be read any further",
}


class Issues(Counter):
    """Counts by name; every name is one of EXPLANATIONS or a reason below `malformed` as in malformed.encoding."""

    def explained(self) -> list[str]:
        """Return a line for each issue."""
        return [
            f"{count} {EXPLANATIONS[name]} ({name})" if name in EXPLANATIONS else f"{count} {name}"
            for name, count in sorted(self.items())
            if count
        ]
