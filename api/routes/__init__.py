"""One module per noun; each turns a request into a call of a use case and its answer into a schema."""
