/** What a seller writes, and what of it goes on chain. */
import { keccak256, toBytes, zeroAddress } from "viem";
import { Importance, PersonalData, Right, Sharing, Subject } from "../../generated/enums";
import { DONG, NO_LIMIT } from "../../lib/ids";
import { canonical, type Json } from "../../payload/canonical";
import type { Receipt } from "../../payload/deposit";
import type { Hex } from "../../wallet/provider";
import type { Column } from "./csv";

export interface PlanDraft {
  price: string;
  days: string;
  cap: string;
  quota: string;
  rights: number[];
  onlyBuyer: string;
}

export interface Draft {
  title: string;
  text: string;
  keywords: string;
  publisher: string;
  terms: string;
  mediaType: string;
  columns: Column[];
  sample: string;
  importance: keyof typeof Importance;
  sharing: keyof typeof Sharing;
  subject: keyof typeof Subject;
  personal: keyof typeof PersonalData;
  legalBasis: string;
  staleAt: string;
  plans: PlanDraft[];
  upstreams: { licence: string; percent: string }[];
}

export const RIGHTS = Right;

export function emptyPlan(): PlanDraft {
  return { price: "500000", days: "365", cap: "", quota: "", rights: [], onlyBuyer: "" };
}

export function emptyDraft(): Draft {
  return {
    title: "",
    text: "",
    keywords: "",
    publisher: "",
    terms: "Socai standard licence 1.0",
    mediaType: "application/octet-stream",
    columns: [],
    sample: "",
    importance: "OTHER",
    sharing: "SHARED",
    subject: "UNSTATED",
    personal: "NONE",
    legalBasis: "",
    staleAt: "",
    plans: [emptyPlan()],
    upstreams: [],
  };
}

/** DCAT 3 as JSON-LD, strings throughout; what is not filled in is not there. */
export function document(draft: Draft, size: number): Json {
  const keywords = draft.keywords.split(",").map((word) => word.trim()).filter((word) => word !== "");
  const columns = draft.columns.map(({ name, type, description }) => ({
    "csvw:name": name,
    "csvw:datatype": type,
    ...(description === "" ? {} : { "dct:description": description }),
  }));
  return {
    "@context": {
      dcat: "http://www.w3.org/ns/dcat#",
      dct: "http://purl.org/dc/terms/",
      adms: "http://www.w3.org/ns/adms#",
      csvw: "http://www.w3.org/ns/csvw#",
    },
    "@type": "dcat:Dataset",
    "dct:title": draft.title,
    "dct:description": draft.text,
    ...(keywords.length === 0 ? {} : { "dcat:keyword": keywords }),
    ...(draft.publisher === "" ? {} : { "dct:publisher": draft.publisher }),
    ...(draft.terms === "" ? {} : { "dct:license": draft.terms }),
    ...(columns.length === 0 ? {} : { "csvw:tableSchema": { "csvw:column": columns } }),
    ...(draft.sample === "" ? {} : { "adms:sample": draft.sample }),
    "dcat:distribution": { "@type": "dcat:Distribution", "dcat:mediaType": draft.mediaType, "dcat:byteSize": String(size) },
  };
}

export function digest(text: string): Hex {
  return keccak256(toBytes(text));
}

export function documentHash(document: Json): Hex {
  return digest(canonical(document));
}

export function planOnChain(plan: PlanDraft, terms: string) {
  const flags = plan.rights.reduce((all, right) => all | right, 0);
  return {
    price: BigInt(plan.price || "0"),
    currency: DONG,
    duration: Number(plan.days || "0") * 86_400,
    cap: plan.cap === "" ? NO_LIMIT : Number(plan.cap),
    quota: Number(plan.quota || "0"),
    flags,
    royaltyBps: 0,
    onlyBuyer: (plan.onlyBuyer || zeroAddress) as Hex,
    terms: digest(terms),
  };
}

export function versionOnChain(draft: Draft, metadata: Hex, receipt: Receipt) {
  return {
    root: receipt.root as Hex,
    metadata,
    depositId: receipt.deposit_id as Hex,
    size: BigInt(receipt.size),
    region: `0x${[...receipt.region].map((sign) => sign.charCodeAt(0).toString(16)).join("")}` as Hex,
    staleAt: draft.staleAt === "" ? 0 : Math.floor(Date.parse(draft.staleAt) / 1000),
    custodian: receipt.custodian as Hex,
    deadline: BigInt(receipt.deadline),
    signature: receipt.signature as Hex,
  };
}

export function listingOnChain(draft: Draft, metadata: Hex, receipt: Receipt): readonly unknown[] {
  return [
    {
      importance: Importance[draft.importance],
      sharing: Sharing[draft.sharing],
      subject: Subject[draft.subject],
      personal: PersonalData[draft.personal],
    },
    draft.legalBasis === "" ? `0x${"0".repeat(64)}` : digest(draft.legalBasis),
    versionOnChain(draft, metadata, receipt),
    draft.plans.map((plan) => planOnChain(plan, draft.terms)),
    draft.upstreams
      .map(({ licence, percent }) => ({ licence: BigInt(licence), shareBps: Math.round(Number(percent) * 100) }))
      .sort((one, other) => (one.licence < other.licence ? -1 : 1)),
  ];
}
