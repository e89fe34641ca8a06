/** From a licence to the file: the key is asked for, then each block is verified before it is decrypted and written. */
import { sha256 } from "@noble/hashes/sha2.js";
import { at, chain } from "../chain/client";
import { fromHex, toHex, uint } from "../crypto/bytes";
import { BlockSwapped, payloadContext, plaintextSize } from "../crypto/chunked";
import { HASH, leafCount } from "../crypto/merkle";
import { grantInfo } from "../crypto/seal";
import { checkContext, type Opened, VerifiedReader } from "../crypto/verified";
import { ask, send, Unreachable } from "../lib/api";
import { exchange } from "../lib/exchange";
import { wallet } from "../wallet/wallet.svelte";
import { Kept } from "./kept";
import { recipient } from "./keys";

const CUTS = 5;
const PAUSE = 500;
const PURPOSE = "use";
/** From here on a file is streamed to disk where the browser lets us. */
const LARGE = 32 * 1024 * 1024;

export interface Progress {
  done: number;
  size: number;
  cut: boolean;
}

export interface Received {
  size: number;
  sha256: string;
  block: number;
  /** The whole of it; null when it was written to disk. */
  file: Blob | null;
}

interface Sink {
  write(piece: Uint8Array<ArrayBuffer>): Promise<void>;
  finish(): Promise<Blob | null>;
  abandon(): Promise<void>;
}

/** The payload; `quantum` as in `recipient`; null when the reader let a signature or the choice of a file be. Raises PayloadError, Problem, Unreachable. */
export async function download(licence: bigint, name: string, quantum: boolean, told: (progress: Progress) => void, signal: AbortSignal): Promise<Received | null> {
  const account = wallet.account!;
  const [info, listings, licences] = await Promise.all([exchange(), at("Listings"), at("Licences")]);
  const listed = await (await chain()).readContract({ ...licences, functionName: "entitlement", args: [licence, account] });
  const sink = await output(Number(listed.size), name);
  if (sink === null) return null;
  try {
    await wallet.signIn();
    const to = await recipient(account, quantum);
    if (to === null) {
      await sink.abandon();
      return null;
    }
    const grant = await ask("post", "/v1/licences/{licence_id}/grants", {
      path: { licence_id: String(licence) as never },
      body: { public_key: toHex(to.publicKey), purpose: PURPOSE },
      headers: { "idempotency-key": crypto.randomUUID().replaceAll("-", "") },
    });
    const sealedFor = grantInfo({
      chainId: info.chain_id,
      licences: fromHex(licences.address),
      licence,
      version: listed.version,
      blockHash: fromHex(grant.block_hash),
      purpose: PURPOSE,
    });
    const dataKey = await to.open(fromHex(grant.sealed_key), sealedFor);
    const context = fromHex(grant.context);
    checkContext(context, payloadContext(info.chain_id, fromHex(listings.address), uint(0, 20), fromHex(listed.depositId)));
    const size = Number(listed.size);
    const leaves = await whole(`/v1/payloads/${listed.root}/leaves`, leafCount(size) * HASH, signal);
    const reader = new VerifiedReader(dataKey, context, fromHex(listed.root), size, leaves);
    const digest = sha256.create();
    const kept = await Kept.of(listed.root);
    const each = async ({ index, sealed, plain }: Opened, isNew: boolean) => {
      digest.update(plain);
      await sink.write(plain);
      if (isNew) await kept.add(index, sealed);
      told({ done: reader.position, size, cut: false });
    };
    await takeUp(reader, kept, signal, (block) => each(block, false));
    await pump(reader, size, listed.root, signal, (block) => each(block, true), () => told({ done: reader.position, size, cut: true }));
    reader.finish();
    const file = await sink.finish();
    await kept.forget();
    return { size: plaintextSize(size), sha256: toHex(digest.digest()).slice(2), block: grant.block_number, file };
  } catch (error) {
    await sink.abandon();
    throw error;
  }
}

/** What was kept of an earlier try, verified like what comes; up to the first block that is missing or not as listed. */
async function takeUp(reader: VerifiedReader, kept: Kept, signal: AbortSignal, each: (block: Opened) => Promise<void>): Promise<void> {
  while (!reader.complete) {
    signal.throwIfAborted();
    const block = await kept.block(reader.next);
    if (block === null || block.length !== reader.nextSize) return;
    try {
      for await (const opened of reader.update(block)) await each(opened);
    } catch (error) {
      if (!(error instanceof BlockSwapped)) throw error;
      reader.cut();
      return;
    }
  }
}

/** Reads until all is there; after a cut from where it was, until `CUTS` in a row brought nothing new. */
async function pump(
  reader: VerifiedReader,
  size: number,
  root: string,
  signal: AbortSignal,
  each: (block: Opened) => Promise<void>,
  cut: () => void,
): Promise<void> {
  for (let cuts = 0; !reader.complete; ) {
    const before = reader.cut();
    try {
      const headers: HeadersInit = before === 0 ? {} : { range: `bytes=${before}-`, "if-range": `"${root}"` };
      const response = await send(`/v1/payloads/${root}`, { headers, signal, cache: "no-store" });
      if (before > 0 && !response.headers.get("content-range")?.startsWith(`bytes ${before}-`))
        throw new Unreachable("what was cut cannot be taken up again");
      for (const stream = response.body!.getReader(); ; ) {
        const { done, value } = await stream.read().catch((error: unknown) => {
          signal.throwIfAborted();
          throw new Unreachable(String(error));
        });
        if (done && reader.position < size) throw new Unreachable("cut off");
        if (done) return;
        for await (const block of reader.update(value)) await each(block);
      }
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      cuts = reader.position === before ? cuts + 1 : 1;
      if (cuts === CUTS) throw error;
      cut();
      await new Promise((resolve) => setTimeout(resolve, PAUSE * cuts));
    }
  }
}

async function whole(address: string, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const body = new Uint8Array(await (await send(address, { signal })).arrayBuffer());
  if (body.length > limit) throw new Unreachable(`more than the ${limit} bytes that were to come`);
  return body;
}

interface SavePicker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<{ createWritable(): Promise<FileSystemWritableFileStream> }>;
}

/** A large file goes to disk as it comes and appears when it is whole; a small one is kept until it is. Null: the reader chose none. */
async function output(size: number, name: string): Promise<Sink | null> {
  const pick = (window as SavePicker).showSaveFilePicker;
  if (size >= LARGE && pick !== undefined) {
    const chosen = await pick.call(window, { suggestedName: name }).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "AbortError") return null;
      throw error;
    });
    if (chosen === null) return null;
    const file = await chosen.createWritable();
    return {
      write: (piece) => file.write(piece),
      finish: () => file.close().then(() => null),
      abandon: () => file.abort().catch(() => undefined),
    };
  }
  let pieces: Blob[] = [];
  return {
    write: async (piece) => void pieces.push(new Blob([piece])),
    finish: async () => new Blob(pieces),
    abandon: async () => void (pieces = []),
  };
}
