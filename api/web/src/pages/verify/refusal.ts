import type { Refusal } from "../../proofs/error";
import type { t } from "./words";

/** What a refusal means to the reader, as the key of a sentence. */
export function meaning(code: Refusal): Parameters<typeof t>[0] {
  switch (code) {
    case "BadBundle":
    case "BadDossier":
    case "BadPresentation":
      return "malformed";
    case "BadTrust":
    case "SlotError":
      return "untrusted";
    case "WrongChain":
    case "WrongCode":
    case "UnknownClaim":
      return "foreign";
    case "BadExtraData":
    case "BadSeal":
    case "DuplicateSeal":
    case "OtherValidators":
    case "TooFewSeals":
    case "UnknownValidators":
      return "seals";
    case "FromTheFuture":
    case "TooOld":
      return "stale";
    case "NotTheHolder":
    case "OtherChallenge":
    case "Stale":
      return "wrongholder";
    case "NothingToCertify":
    case "ProofMissing":
      return "missing";
    default:
      return "altered";
  }
}
