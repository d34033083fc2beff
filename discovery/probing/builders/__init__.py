"""From texts and files to labels of characters: one module a collection of features."""
