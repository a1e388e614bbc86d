"""Becoming the child."""
