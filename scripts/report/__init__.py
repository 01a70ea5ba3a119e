"""A report of a run as one HTML file with pictures, readable without network and JavaScript."""

from scripts.report.build import build_report
from scripts.report.inputs import MonitorRun, ReportInputs

__all__ = ["MonitorRun", "ReportInputs", "build_report"]
