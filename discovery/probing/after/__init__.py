"""What the units that a probe found do: edited, read out, and seen on other text."""
