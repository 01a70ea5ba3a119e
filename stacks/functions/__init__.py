"""Code of the functions that templates carry within themselves."""
