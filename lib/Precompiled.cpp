// The source that compiles the precompiled header.
