"""An embedded AWS for a laptop: ministack, extended by a SageMaker that really executes.

It knows the contracts of AWS and nothing of any project that runs on it.
"""
