import { secp256k1 } from "@noble/curves/secp256k1.js";

import { keccak } from "./bytes";

/** The address (20 bytes) whose key made the signature r ‖ s over `digest`; null when no key recovers. */
export function signer(digest: Uint8Array, signature: Uint8Array, parity: number): Uint8Array | null {
  try {
    const found = secp256k1.Signature.fromBytes(signature, "compact").addRecoveryBit(parity);
    return keccak(found.recoverPublicKey(digest).toBytes(false).subarray(1)).subarray(12);
  } catch {
    return null;
  }
}
