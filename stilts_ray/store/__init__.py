"""Where finished steps live: records, their state, and the pins of what a sweep reads."""
