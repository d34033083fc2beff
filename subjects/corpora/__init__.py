"""Text that subjects are trained and studied on: documents, and where they come from."""
