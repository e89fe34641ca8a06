"""What every refusal of a proof is."""


class ProofError(Exception):
    """Something that was to be proven is not."""
