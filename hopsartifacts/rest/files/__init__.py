"""The files of the project as clients of both APIs see them."""
