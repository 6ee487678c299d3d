"""Smoke: the four steps that must work in every environment. Also the client that e2e uses."""
