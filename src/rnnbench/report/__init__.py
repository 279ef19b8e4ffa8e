"""The comparison of all variants: tables, pictures and an article."""
