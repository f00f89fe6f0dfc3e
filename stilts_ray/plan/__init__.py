"""From a sweep to a plan: content-addressed steps, their inputs and their costs."""
