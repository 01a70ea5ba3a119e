"""What an environment costs a month: its templates' resources, a usage, and the prices of stacks/prices.json."""
