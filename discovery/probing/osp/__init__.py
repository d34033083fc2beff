"""Optimal sparse probing: the support of least loss, with a proof or an honest gap."""
