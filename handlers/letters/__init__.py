"""E-mails: what the announcements say, written as a letter. The templates lay out; every sentence is in the code."""
