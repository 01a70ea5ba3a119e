"""Code of the endpoint's container; its files are copied to code/ in the model package."""
