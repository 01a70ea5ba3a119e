"""Model Monitor: job definitions, schedules, and executions as processing jobs."""
