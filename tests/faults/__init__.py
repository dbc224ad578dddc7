"""Real processes, really broken: each test injects a fault of promises.md and reads what became of it."""
