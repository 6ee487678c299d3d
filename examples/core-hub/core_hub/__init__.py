"""Core Hub: a small billing core. The api takes charges, the worker sends them, the frontend shows them."""
