"""What is about arXiv 2005.13013 alone: its claims, and published figures."""
