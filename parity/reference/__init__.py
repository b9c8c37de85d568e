"""Whoever can say what a learning rate ought to be."""
