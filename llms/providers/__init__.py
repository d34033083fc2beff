"""One module a provider. Each SDK is imported when a model of its provider is opened."""
