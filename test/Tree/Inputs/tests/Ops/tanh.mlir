// A file that tests nothing.
