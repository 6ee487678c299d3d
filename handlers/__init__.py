"""The Slack face of the release: what people type and press comes in, messages go out."""
