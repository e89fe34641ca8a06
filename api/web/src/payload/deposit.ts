/** A file into the vault: encrypted here block by block, sent by tus, taken up again where it was cut. */
import { fromHex, join, toHex, type Bytes } from "../crypto/bytes";
import { BLOCK, ciphertextSize, DATA_KEY, HEADER, Message, SALT, SEALED_BLOCK } from "../crypto/chunked";
import { leafHash, RootBuilder } from "../crypto/merkle";
import { depositInfo, seal } from "../crypto/seal";
import { ask, Problem, send, Unreachable, type Schemas } from "../lib/api";

const TUS = { "tus-resumable": "1.0.0" };
const AT_ONCE = 4;
const CUTS = 8;
const PAUSE = 500;

export interface Progress {
  done: number;
  size: number;
  cut: boolean;
}

export type Receipt = Schemas["ReceiptInfo"];

/** The custodian's receipt for the file. Raises Problem, Unreachable, and what reading a file raises that changed. */
export async function deposit(file: File, mediaType: string, told: (progress: Progress) => void, signal: AbortSignal): Promise<Receipt> {
  const opened = await ask("post", "/v1/deposits", { headers: { "idempotency-key": crypto.randomUUID().replaceAll("-", "") } });
  const context = fromHex(opened.context);
  const dataKey = crypto.getRandomValues(new Uint8Array(DATA_KEY));
  const message = await Message.from(dataKey, context, crypto.getRandomValues(new Uint8Array(SALT)));
  const size = ciphertextSize(file.size);
  const upload = await open(opened.id, size, signal);
  const leaves: Bytes[] = [];
  let cuts = 0;
  for (let at = 0; at < size; ) {
    const first = Math.max(0, Math.floor((at - HEADER) / SEALED_BLOCK));
    const { bytes, start } = await blocks(file, message, first, leaves);
    try {
      at = await patch(upload, at, bytes.subarray(at - start), signal);
      cuts = 0;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Unreachable) && !(error instanceof Problem && error.code === "offset-mismatch")) throw error;
      if (++cuts === CUTS) throw error;
      told({ done: at, size, cut: true });
      await new Promise((resolve) => setTimeout(resolve, PAUSE * cuts));
      at = await offset(upload, signal).catch(() => at);
    }
    told({ done: at, size, cut: false });
  }
  const root = new RootBuilder();
  for (const leaf of leaves) root.append(leaf);
  const sealed = await seal(dataKey, fromHex(opened.vault_public_key), depositInfo(context));
  return ask("post", "/v1/deposits/{deposit_id}/complete", {
    path: { deposit_id: opened.id },
    body: { root: toHex(root.root()), size, media_type: mediaType, sealed_key: toHex(sealed) },
  });
}

/** The ciphertext of some blocks from `first` on, and where it starts. A block is the same each time: the file that a
 * browser handed over cannot change beneath it. */
async function blocks(file: File, message: Message, first: number, leaves: Bytes[]): Promise<{ bytes: Bytes; start: number }> {
  const last = Math.floor(file.size / BLOCK);
  const made: Bytes[] = [];
  for (let index = first; index <= Math.min(first + AT_ONCE - 1, last); index++) {
    const plain = new Uint8Array(await file.slice(index * BLOCK, (index + 1) * BLOCK).arrayBuffer());
    const block = await message.sealBlock(index, plain, index === last);
    leaves[index] = await leafHash(block);
    made.push(block);
  }
  return { bytes: join(...made), start: first === 0 ? 0 : HEADER + first * SEALED_BLOCK };
}

async function open(id: string, size: number, signal: AbortSignal): Promise<string> {
  const headers = { ...TUS, "upload-length": String(size) };
  const response = await send(`/v1/deposits/${id}/uploads`, { method: "POST", headers, signal });
  return response.headers.get("location")!;
}

async function patch(upload: string, at: number, body: Bytes, signal: AbortSignal): Promise<number> {
  const headers = { ...TUS, "upload-offset": String(at), "content-type": "application/offset+octet-stream" };
  const response = await send(upload, { method: "PATCH", headers, body, signal });
  return Number(response.headers.get("upload-offset"));
}

async function offset(upload: string, signal: AbortSignal): Promise<number> {
  return Number((await send(upload, { method: "HEAD", headers: TUS, signal })).headers.get("upload-offset"));
}
