"""The network as data: endpoint services with their policies, and what regions call AWS's own address ranges."""
