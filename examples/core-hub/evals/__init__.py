"""The evaluation of the reader: 20 cases, offline, against the rules that stand in for a model."""
