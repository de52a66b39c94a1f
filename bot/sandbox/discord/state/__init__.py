"""The fake Discord's records, and who may see them."""
