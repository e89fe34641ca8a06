"""Socai, the transaction ledger of a data exchange: everything that is not HTTP."""
