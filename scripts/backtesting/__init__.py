"""The parts of scripts.backtest: what it reads, what it finds, and how that is shown."""
