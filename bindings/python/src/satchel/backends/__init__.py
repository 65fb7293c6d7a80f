"""Databases by the kind of store they are on."""
