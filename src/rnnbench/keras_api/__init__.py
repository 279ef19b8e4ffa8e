"""What the installed Keras offers, known without importing it."""
