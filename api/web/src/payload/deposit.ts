/** A file into the vault: encrypted here block by block, sent by tus, taken up again where it was cut. */
import { join, toHex, type Bytes } from "../crypto/bytes";
import { BLOCK, ciphertextSize, HEADER, Message, SEALED_BLOCK } from "../crypto/chunked";
import { leafHash, RootBuilder } from "../crypto/merkle";
import { ask, Problem, send, Unreachable, type Schemas } from "../lib/api";
import { type Begun, isOf, OtherFile } from "./begun";

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

/** The custodian's receipt for the file. What the vault has of it already is not sent again.
 * Raises OtherFile,
 * Problem, Unreachable, and what reading a file raises that changed. */
export async function deposit(file: File, mediaType: string, begun: Begun, told: (progress: Progress) => void, signal: AbortSignal): Promise<Receipt> {
  if (!(await isOf(begun, file))) throw new OtherFile(begun.name);
  const message = Message.again(begun);
  const size = ciphertextSize(file.size);
  const leaves: Bytes[] = [];
  const upload = await open(begun.deposit, size, signal);
  for (let index = 0; index < sentBlocks(upload.at, size, file); index += AT_ONCE) {
    signal.throwIfAborted();
    await blocks(file, message, index, leaves);
    told({ done: Math.min(upload.at, HEADER + (index + AT_ONCE) * SEALED_BLOCK), size, cut: false });
  }
  let cuts = 0;
  for (let at = upload.at; at < size; ) {
    const first = Math.max(0, Math.floor((at - HEADER) / SEALED_BLOCK));
    const { bytes, start } = await blocks(file, message, first, leaves);
    try {
      at = await patch(upload.address, at, bytes.subarray(at - start), signal);
      cuts = 0;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Unreachable) && !(error instanceof Problem && error.code === "offset-mismatch")) throw error;
      if (++cuts === CUTS) throw error;
      told({ done: at, size, cut: true });
      await new Promise((resolve) => setTimeout(resolve, PAUSE * cuts));
      at = await offset(upload.address, signal).catch(() => at);
    }
    told({ done: at, size, cut: false });
  }
  const root = new RootBuilder();
  for (const leaf of leaves) root.append(leaf);
  return ask("post", "/v1/deposits/{deposit_id}/complete", {
    path: { deposit_id: begun.deposit },
    body: { root: toHex(root.root()), size, media_type: mediaType, sealed_key: toHex(begun.sealedKey) },
  });
}

/** How many blocks the vault has of the first `at` bytes. */
function sentBlocks(at: number, size: number, file: File): number {
  return at === size ? Math.floor(file.size / BLOCK) + 1 : Math.max(0, Math.floor((at - HEADER) / SEALED_BLOCK));
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

/** Where to send, and how much is there. Asked again, the vault names the upload of before; none when it has it all. */
async function open(id: string, size: number, signal: AbortSignal): Promise<{ address: string; at: number }> {
  const headers = { ...TUS, "upload-length": String(size) };
  try {
    const response = await send(`/v1/deposits/${id}/uploads`, { method: "POST", headers, signal });
    return { address: response.headers.get("location")!, at: Number(response.headers.get("upload-offset")) };
  } catch (error) {
    if (error instanceof Problem && error.code === "deposit-taken") return { address: "", at: size };
    throw error;
  }
}

async function patch(upload: string, at: number, body: Bytes, signal: AbortSignal): Promise<number> {
  const headers = { ...TUS, "upload-offset": String(at), "content-type": "application/offset+octet-stream" };
  const response = await send(upload, { method: "PATCH", headers, body, signal });
  return Number(response.headers.get("upload-offset"));
}

async function offset(upload: string, signal: AbortSignal): Promise<number> {
  return Number((await send(upload, { method: "HEAD", headers: TUS, signal })).headers.get("upload-offset"));
}
