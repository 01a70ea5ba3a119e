"""What the local cloud does with each operation and property: declared here, tested, and written into the docs."""
