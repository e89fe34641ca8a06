"""SQL: what the service must remember, and a mirror of the chain that can be thrown away and rebuilt.

`database.Database` owns connections, transactions and migrations. Every other module here is one noun: its
tables and the repository with all of its SQL. A repository takes the session of the caller's transaction and
never commits.

How values are kept, the same on SQLite and PostgreSQL (`columns`):

- hashes (32 bytes) and addresses (20 bytes): binary columns of that exact length, never hexadecimal text;
- numbers of the EVM that may pass 2^63 (amounts, token ids): 78 decimal digits, zero-padded, so that the
  order of the text is the order of the numbers; SQLite would turn NUMERIC into a floating point number. Sums
  are made in Python;
- numbers that cannot pass 2^63 (block numbers, nonces, gas, chain ids): BIGINT;
- instants: whole seconds since 1970-01-01T00:00:00Z, BIGINT.
"""
