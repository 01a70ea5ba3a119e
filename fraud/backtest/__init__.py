"""What rules and thresholds would have done: history replayed through features, model and rules.

`history` has the events as rules see them, `firing` which rules fire, `results` what that finds, costs and saves.
"""
