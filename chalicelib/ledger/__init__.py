"""Double entry, pure: which accounts there are, and what each movement does to them."""
