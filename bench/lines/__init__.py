"""Generated pages as plain text, and the line model that is fitted to them."""
