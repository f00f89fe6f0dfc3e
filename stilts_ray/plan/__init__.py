"""From a sweep to a plan: content-addressed steps, what each reads, and what they cost."""
