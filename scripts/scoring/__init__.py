"""Using the scoring API from a terminal or a script: a client, replays of history, and first profiles."""
