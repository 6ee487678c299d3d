"""Every sentence a person reads, and every id a control carries."""
