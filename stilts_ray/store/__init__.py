"""The store of finished steps: records, their state, the store lock, and the pins of a sweep's inputs."""
