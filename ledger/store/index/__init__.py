"""The index: a mirror of the chain that can be thrown away and rebuilt. Its tables are called `index_…`."""
