"""Data sets in tables: CSV with all values as texts, or parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training_code.monitoring.settings import AnalysisError, Settings

if TYPE_CHECKING:
    import polars as pl


def read_table(settings: Settings) -> pl.DataFrame:
    """Return all files of the data set in one frame; raise AnalysisError where there is none or one is unreadable."""
    import polars as pl

    source, kind = settings.source, settings.form
    files = [source] if source.is_file() else sorted(source.rglob(f"*.{kind}")) if source.is_dir() else []
    if not files:
        raise AnalysisError(f"dataset_source: no {kind} file in {source}")
    header = bool(settings.form_options.get("header", False))
    try:
        if kind == "parquet":
            return pl.concat([pl.read_parquet(file) for file in files])
        frame = pl.concat([pl.read_csv(file, has_header=header, infer_schema=False) for file in files])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise AnalysisError(f"dataset_source: {source} cannot be read as {kind} ({error})") from None
    return frame if header else frame.rename({old: f"_c{at}" for at, old in enumerate(frame.columns)})
