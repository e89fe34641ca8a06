/** Something that was to be proven is not. `code` is the name the Python verifier gives the same refusal. */
export class ProofError extends Error {
  constructor(
    readonly code: Refusal,
    message: string,
  ) {
    super(message);
    this.name = code;
  }
}

export type Refusal =
  | "BadAccount"
  | "BadBundle"
  | "BadDossier"
  | "BadExtraData"
  | "BadHeader"
  | "BadNode"
  | "BadPresentation"
  | "BadProof"
  | "BadReceipt"
  | "BadSeal"
  | "BadTrust"
  | "BloomMismatch"
  | "ClaimMismatch"
  | "DoesNotReconcile"
  | "DuplicateSeal"
  | "EventMissing"
  | "FromTheFuture"
  | "JournalMismatch"
  | "JournalSurplus"
  | "LeafOutOfRange"
  | "NodeMismatch"
  | "NotAHash"
  | "NotTheHolder"
  | "NothingToCertify"
  | "OtherChallenge"
  | "OtherEvent"
  | "OtherValidators"
  | "ProofMissing"
  | "ProofSurplus"
  | "ProofTooShort"
  | "ReceiptAbsent"
  | "RlpError"
  | "RootMismatch"
  | "SlotError"
  | "Stale"
  | "SurplusNodes"
  | "TooFewSeals"
  | "TooOld"
  | "UnknownClaim"
  | "UnknownValidators"
  | "WrongChain"
  | "WrongCode";

export function refuse(code: Refusal, message: string): never {
  throw new ProofError(code, message);
}

/** Runs `work`; a refusal of the kind `from` becomes one of the kind `to`. */
export function relabel<T>(from: Refusal, to: Refusal, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ProofError && error.code === from) throw new ProofError(to, error.message);
    throw error;
  }
}
