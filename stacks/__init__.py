"""The platform's infrastructure: stacks compose, constructs build, one frozen configuration goes through both."""
