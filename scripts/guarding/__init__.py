"""The retraining guard from the operator's side: what it decided, how it stands, and asking it."""
