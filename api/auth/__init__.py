"""Sign-in with Ethereum over HTTP."""
