"""Where feature flags are kept: a file of the bot's own, Unleash, LaunchDarkly; read back as applications do."""
