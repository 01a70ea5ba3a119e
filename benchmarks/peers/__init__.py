"""What the model server is measured against; each peer runs in a virtual environment of its own."""
