"""The scoring API as its event type makes it: schemas of bodies, and the OpenAPI document."""
