"""Learning rates that follow a metric: state machines, and no functions of the count."""
