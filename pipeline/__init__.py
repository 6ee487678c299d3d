"""The release itself: playbook, states, policy, engine and outbox. It knows no Slack."""
