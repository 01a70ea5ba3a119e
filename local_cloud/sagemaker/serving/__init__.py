"""A script-mode model server with the contract of AWS's prebuilt framework containers.

It runs in the model's own process, imports nothing of the local cloud, and only the standard library until a default
handler needs more.
"""
