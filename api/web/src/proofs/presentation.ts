/** Who shows a licence certificate is its holder: their EIP-712 signature over a verifier's fresh challenge. */

import { concat, equal, fromDigits, HASH, hex, keccak, padded, utf8, word } from "./bytes";
import { dumps, isObject, type Json, loads } from "./canonical";
import { refuse } from "./error";
import { pinnedOf, type Proven, verify as verifyEvidence } from "./evidence";
import { signer } from "./signature";
import type { Trust } from "./trust";

export const FORMAT = "socai-presentation-1";
/** Seconds that a signature may still be good for when it is checked. */
export const LONGEST = 3600;
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const NAMES = ["certificate", "challenge", "deadline", "format", "signature", "verifier"];

/** What a holder signs for `verifier`: `nonce` has 32 bytes, `deadline` is the last Unix second. */
export interface Challenge {
  verifier: string;
  nonce: Uint8Array;
  deadline: number;
}

/** The typed data as a wallet is asked to sign it (`eth_signTypedData_v4`). */
export function typedData(certificate: Uint8Array, challenge: Challenge, trust: Trust) {
  return {
    domain: {
      name: "Socai Presentation",
      version: "1",
      chainId: trust.chainId,
      verifyingContract: hex(pinnedOf(trust, "Licences").address) as `0x${string}`,
    },
    types: {
      Presentation: [
        { name: "certificate", type: "bytes32" },
        { name: "verifier", type: "string" },
        { name: "challenge", type: "bytes32" },
        { name: "deadline", type: "uint64" },
      ],
    },
    primaryType: "Presentation",
    message: {
      certificate: hex(keccak(certificate)) as `0x${string}`,
      verifier: challenge.verifier,
      challenge: hex(challenge.nonce) as `0x${string}`,
      deadline: BigInt(challenge.deadline),
    },
  } as const;
}

/** The file. */
export function encode(certificate: Uint8Array, challenge: Challenge, signature: Uint8Array): Uint8Array {
  return utf8(
    dumps({
      format: FORMAT,
      certificate: loads(certificate),
      verifier: challenge.verifier,
      challenge: hex(challenge.nonce),
      deadline: challenge.deadline,
      signature: hex(signature),
    }),
  );
}

/** Whether the file says it is one. */
export function isPresentation(data: Uint8Array): boolean {
  try {
    const top = loads(data);
    return isObject(top) && top.format === FORMAT;
  } catch {
    return false;
  }
}

/** What the certificate proves, once shown to be presented by the licence's holder to this verifier, who sees to it
 * that a nonce is used once. Raises a `ProofError`. */
export function verify(data: Uint8Array, trust: Trust, now: number, verifier: string, nonce: Uint8Array): Proven {
  const [certificate, challenge, signature] = decode(data);
  if (challenge.verifier !== verifier || !equal(challenge.nonce, nonce))
    refuse("OtherChallenge", "the presentation answers another challenge");
  if (challenge.deadline < now || challenge.deadline > now + LONGEST)
    refuse("Stale", "the presentation's deadline is past, or too far ahead");
  const proven = verifyEvidence(certificate, trust, now);
  if (proven.claim.type !== "licence") refuse("BadPresentation", "only a licence has a holder to present it");
  const found = recover(digest(certificate, challenge, trust), signature);
  if (found !== proven.claim.holder)
    refuse("NotTheHolder", `signed by ${found}, the holder is ${String(proven.claim.holder)}`);
  return proven;
}

function digest(certificate: Uint8Array, challenge: Challenge, trust: Trust): Uint8Array {
  if (!/^[\0-\x7f]*$/.test(challenge.verifier) || challenge.deadline < 0)
    refuse("BadPresentation", "a challenge is 32 bytes, for a verifier with an ASCII name");
  const domain = concat(
    keccak(utf8("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")),
    keccak(utf8("Socai Presentation")),
    keccak(utf8("1")),
    word(BigInt(trust.chainId)),
    padded(pinnedOf(trust, "Licences").address),
  );
  const struct = concat(
    keccak(utf8("Presentation(bytes32 certificate,string verifier,bytes32 challenge,uint64 deadline)")),
    keccak(certificate),
    keccak(utf8(challenge.verifier)),
    challenge.nonce,
    word(BigInt(challenge.deadline)),
  );
  return keccak(concat(Uint8Array.of(0x19, 0x01), keccak(domain), keccak(struct)));
}

/** The signer's address. s lies in the lower half (EIP-2), v is 27 or 28: there is one signature, not two. */
function recover(hash: Uint8Array, signature: Uint8Array): string {
  const v = signature[64] as number;
  if (v !== 27 && v !== 28) refuse("NotTheHolder", "a signature is 65 bytes ending in 27 or 28");
  if (BigInt(hex(signature.subarray(32, 64))) > ORDER / 2n) refuse("NotTheHolder", "s lies in the upper half");
  const found = signer(hash, signature.subarray(0, 64), v - 27);
  return found === null ? refuse("NotTheHolder", "no key recovers from this signature") : hex(found);
}

function decode(data: Uint8Array): [certificate: Uint8Array, challenge: Challenge, signature: Uint8Array] {
  let top: Json;
  try {
    top = loads(data);
  } catch (error) {
    return refuse("BadPresentation", `not a presentation: ${String(error)}`);
  }
  if (!isObject(top) || Object.keys(top).sort().join() !== NAMES.join() || top.format !== FORMAT)
    return refuse("BadPresentation", "not a presentation");
  const { deadline, verifier } = top;
  if (typeof deadline !== "number" || typeof verifier !== "string")
    return refuse("BadPresentation", "a deadline is a number, a verifier a name");
  const [nonce, signature] = [bytes(top.challenge, HASH), bytes(top.signature, 65)];
  if (dumps(top) !== new TextDecoder().decode(data))
    refuse("BadPresentation", "not in canonical JSON (RFC 8785)");
  return [utf8(dumps(top.certificate as Json)), { verifier, nonce, deadline }, signature];
}

function bytes(value: Json | undefined, size: number): Uint8Array {
  if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/.test(value) || value.length !== 2 + 2 * size)
    return refuse("BadPresentation", `${size} bytes are expected`);
  return fromDigits(value.slice(2));
}
