"""Features of an event: the batch engine (`batch`), their catalogue and the schema the model is bound to.

Nothing is imported here, so that the endpoint can load `schema` without polars.
"""
