import { getAddress } from "viem";

/** EIP-55 spelling. */
export function checksummed(address: string): `0x${string}` {
  return getAddress(address);
}
