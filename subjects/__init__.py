"""Models under study and the text they are studied on."""
