"""The pages of the project say what is so."""
