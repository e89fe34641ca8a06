/** Ids as contracts/types/Ids.sol builds them: listing 48 bits; plan = listing ‖ 16 bits; licence = plan ‖ 32 bits. */
export const listingOfPlan = (plan: bigint): bigint => plan >> 16n;
export const planOf = (licence: bigint): bigint => licence >> 32n;
export const listingOf = (licence: bigint): bigint => licence >> 48n;
export const planId = (listing: bigint, index: number): bigint => (listing << 16n) | BigInt(index);

/** The expiry of a licence without one. */
export const NEVER = (1n << 40n) - 1n;
/** The cap of a plan without one. */
export const NO_LIMIT = 2 ** 32 - 1;
/** The currency that a deployment adds: đồng. */
export const DONG = 1;
