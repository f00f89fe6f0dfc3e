"""Training as a plain function: no Ray, no tracking, no data loading."""
