"""All results as one page that can be sent, served and merged with those of others."""
