"""The study stage: many trainings that differ in a few settings, and their table."""
