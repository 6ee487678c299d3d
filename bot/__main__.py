"""`python -m bot` is the same as `releasebot`."""

from bot.cli import main

main()
