/** The same evidence, accepted and refused alike by the Python verifier: tests/vectors/evidence.py writes it. */

import { expect, test, vi } from "vitest";

import evidence from "../../../../tests/vectors/evidence.json?raw";
import { fromDigits, hex, utf8 } from "./bytes";
import { dumps, isObject, type Json, type JsonObject } from "./canonical";
import { verify as verifyDossier } from "./dossier";
import { ProofError } from "./error";
import { verify } from "./evidence";
import { verifyConsistency, verifyInclusion } from "./merkle";
import { prove } from "./mpt";
import { verify as verifyPresentation } from "./presentation";
import { read, type Trust } from "./trust";

type Patched = [name: string, ...parts: [start: number, end: number, part: string][]];

interface Case {
  name: string;
  file: Patched;
  trust: Patched;
  now: number;
  presented?: { verifier: string; challenge: string };
  outcome: string;
}

interface Vectors {
  texts: Record<string, string>;
  cases: Case[];
  dossiers: { name: string; members: JsonObject; now: number; outcome: string }[];
  flips: { file: string; trust: Patched; now: number; step: number; outcomes: string[] }[];
  tries: { root: string; key: string; proof: string[]; outcome: string | null }[];
  trees: ({ size: number; proof: string[]; root: string; outcome: string } & (
    | { old: null; leaf: string; index: number }
    | { old: number; old_root: string }
  ))[];
}

const vectors = JSON.parse(evidence) as Vectors;

vi.setConfig({ testTimeout: 120_000 });

const unhex = (text: string): Uint8Array => fromDigits(text.slice(2));

function textOf([name, ...parts]: Patched): Uint8Array {
  const replaced = parts.reduceRight(
    (text, [start, end, part]) => text.slice(0, start) + part + text.slice(end),
    vectors.texts[name] as string,
  );
  return utf8(replaced);
}

function outcome<T>(check: () => T): T | string {
  try {
    return check();
  } catch (error) {
    if (error instanceof ProofError) return error.code;
    throw error;
  }
}

const proven = (check: () => unknown): string => outcome(() => (check(), "proven"));

function judge(found: Case): string {
  return proven(() => {
    const [data, trust] = [textOf(found.file), read(textOf(found.trust))];
    if (found.presented === undefined) return verify(data, trust, found.now);
    const { verifier, challenge } = found.presented;
    return verifyPresentation(data, trust, found.now, verifier, unhex(challenge));
  });
}

test("R18 threat S20: every case is judged as the Python verifier judges it", () => {
  const judged = vectors.cases.map((found, at) => `${at} ${found.name}: ${judge(found)}`);
  expect(judged).toEqual(vectors.cases.map((found, at) => `${at} ${found.name}: ${found.outcome}`));
});

test("R29: every dossier is judged as the Python verifier judges it", () => {
  const trust = read(textOf(["trust"]));
  const judged = vectors.dossiers.map(({ name, members, now }) => {
    const texts = members.evidence as Json;
    const evidence = isObject(texts)
      ? Object.fromEntries(Object.entries(texts).map(([kind, text]) => [kind, JSON.parse(vectors.texts[text as string] as string) as Json]))
      : texts;
    const whole = "evidence" in members ? { ...members, evidence } : members;
    return `${name}: ${proven(() => verifyDossier(utf8(dumps(whole as Json)), trust, now))}`;
  });
  expect(judged).toEqual(vectors.dossiers.map(({ name, outcome: said }) => `${name}: ${said}`));
});

test("threat S20: a certificate with any byte flipped is refused, for the same reason", () => {
  for (const { file, trust, now, step, outcomes } of vectors.flips) {
    const trusted: Trust = read(textOf(trust));
    const whole = textOf([file]);
    const judged = outcomes.map((_, count) => {
      const spoilt = whole.slice();
      spoilt[count * step] = (spoilt[count * step] as number) ^ 1;
      return proven(() => verify(spoilt, trusted, now));
    });
    expect(judged).toEqual(outcomes);
    expect(judged).not.toContain("proven");
  }
});

test("threat S20: proofs of tries that are no tries are refused", () => {
  for (const found of vectors.tries) {
    const value = outcome(() => prove(unhex(found.root), unhex(found.key), found.proof.map(unhex)));
    expect(value instanceof Uint8Array ? hex(value) : value, JSON.stringify(found)).toBe(found.outcome);
  }
});

test("RFC 6962: inclusion and consistency", () => {
  for (const found of vectors.trees) {
    const [proof, root, size] = [found.proof.map(unhex), unhex(found.root), found.size];
    const judged = proven(() =>
      found.old === null
        ? verifyInclusion(unhex(found.leaf), found.index, size, proof, root)
        : verifyConsistency(found.old, size, proof, unhex(found.old_root), root),
    );
    expect(judged, JSON.stringify(found)).toBe(found.outcome);
  }
});
