"""The analyser's kinds of monitoring, one module each, and what they share: settings, tables, results."""
