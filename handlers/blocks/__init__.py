"""From a snapshot to Block Kit. Pure: nothing is looked up, nothing is sent."""
