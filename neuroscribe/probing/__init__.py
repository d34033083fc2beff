"""From a request to probes on disk and findings in the store; the method is in discovery."""
