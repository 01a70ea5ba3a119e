"""Scanners over the synthesized templates: what each finds, counted a resource as the peers were counted."""
