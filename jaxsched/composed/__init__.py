"""Schedules made of schedules: one after another, several at once, in epochs, begun later, come up to."""
