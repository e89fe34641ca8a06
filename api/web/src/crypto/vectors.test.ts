/** Against what ledger/crypto wrote (tests/unit/crypto/test_page_vectors.py keeps the file true). */
import { describe, expect, test } from "vitest";
import vectors from "../../../../tests/vectors/payload.json";
import { fromHex, join, same, toHex, type Bytes } from "./bytes";
import { BLOCK, BlockSwapped, ciphertextSize, Extended, Message, payloadContext, plaintextSize, Truncated, WrongKey } from "./chunked";
import { leafCount, leafHash, RootBuilder } from "./merkle";
import { newQuantumKey, openQuantum } from "./quantum";
import { depositInfo, grantInfo, newKeyPair, encodedPublic, open, OpenFailed, seal } from "./seal";
import { checkContext, VerifiedReader, WrongLeaves } from "./verified";

const key = fromHex(vectors.key);
const context = payloadContext(vectors.chain_id, fromHex(vectors.listings), fromHex(vectors.seller), fromHex(vectors.deposit));

function plaintext(size: number): Bytes {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

async function encrypted(text: Uint8Array) {
  const message = await Message.from(key, context, fromHex(vectors.salt));
  const count = Math.floor(text.length / BLOCK) + 1;
  const blocks: Bytes[] = [];
  const builder = new RootBuilder();
  const leaves: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const block = await message.sealBlock(index, text.subarray(index * BLOCK, (index + 1) * BLOCK), index === count - 1);
    blocks.push(block);
    leaves.push(await leafHash(block));
    builder.append(leaves.at(-1)!);
  }
  return { ciphertext: join(...blocks), root: builder.root(), leaves: join(...leaves) };
}

async function read(reader: VerifiedReader, pieces: Iterable<Uint8Array>): Promise<Bytes> {
  const found: Uint8Array[] = [];
  for (const piece of pieces) for await (const { plain } of reader.update(piece)) found.push(plain);
  reader.finish();
  return join(...found);
}

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("payloads", () => {
  test.each(vectors.payloads)("of $size bytes have the root that Python gives them, and open", async ({ size, root, leaves }) => {
    const text = plaintext(size);
    const made = await encrypted(text);
    expect(made.ciphertext.length).toBe(ciphertextSize(size));
    expect(plaintextSize(made.ciphertext.length)).toBe(size);
    expect(toHex(made.root)).toBe(root);
    expect(toHex(made.leaves)).toBe(leaves);
    const reader = new VerifiedReader(key, context, fromHex(root), made.ciphertext.length, fromHex(leaves));
    expect(same(await read(reader, pieces(made.ciphertext, 300_007)), text)).toBe(true);
  });

  test("written by Python open", async () => {
    const ciphertext = fromHex(vectors.small.ciphertext);
    const leaves = await leafHash(ciphertext);
    expect(leafCount(ciphertext.length)).toBe(1);
    const reader = new VerifiedReader(key, context, leaves, ciphertext.length, leaves);
    expect(toHex(await read(reader, [ciphertext]))).toBe(vectors.small.plaintext);
  });

  test("that were tampered with give nothing", async () => {
    const { ciphertext, root, leaves } = await encrypted(plaintext(BLOCK + 5));
    const reader = () => new VerifiedReader(key, context, root, ciphertext.length, leaves);
    const flipped = ciphertext.slice();
    flipped[2_000]! ^= 1;
    await expect(read(reader(), [flipped])).rejects.toThrow(BlockSwapped);
    await expect(read(reader(), [ciphertext.subarray(0, -1)])).rejects.toThrow(Truncated);
    await expect(read(reader(), [ciphertext, Uint8Array.of(0)])).rejects.toThrow(Extended);
    const otherKey = key.slice().fill(9);
    await expect(read(new VerifiedReader(otherKey, context, root, ciphertext.length, leaves), [ciphertext])).rejects.toThrow(WrongKey);
    const otherContext = context.slice().fill(1, 52, 72);
    await expect(read(new VerifiedReader(key, otherContext, root, ciphertext.length, leaves), [ciphertext])).rejects.toThrow(WrongKey);
    expect(() => new VerifiedReader(key, context, root, ciphertext.length, leaves.slice().fill(0, 0, 1))).toThrow(WrongLeaves);
    expect(() => new VerifiedReader(key, context, root, ciphertext.length, leaves.subarray(32))).toThrow(WrongLeaves);
  });

  test("go on after a cut where they were", async () => {
    const text = plaintext(2 * BLOCK + 77);
    const { ciphertext, root, leaves } = await encrypted(text);
    const reader = new VerifiedReader(key, context, root, ciphertext.length, leaves);
    const found: Uint8Array[] = [];
    for await (const { plain } of reader.update(ciphertext.subarray(0, BLOCK + 100_000))) found.push(plain);
    const at = reader.cut();
    expect(at).toBeGreaterThan(0);
    for await (const { plain } of reader.update(ciphertext.subarray(at))) found.push(plain);
    reader.finish();
    expect(same(join(...found), text)).toBe(true);
  });

  test("are for the deposit that the chain names", () => {
    expect(() => checkContext(context, context.slice().fill(7, 52, 72))).not.toThrow();
    expect(() => checkContext(context, context.slice().fill(7, 72))).toThrow();
  });
});

describe("sealed keys", () => {
  const { sealed } = vectors;
  const info = grantInfo({
    chainId: vectors.chain_id,
    licences: fromHex(sealed.licences),
    licence: BigInt(sealed.licence),
    version: sealed.version,
    blockHash: fromHex(sealed.block_hash),
    purpose: sealed.purpose,
  });

  async function python(): Promise<CryptoKeyPair> {
    const prefix = fromHex("302e020100300506032b656e04220420"); // PKCS #8 of an X25519 secret
    const privateKey = await crypto.subtle.importKey("pkcs8", join(prefix, fromHex(sealed.secret)), { name: "X25519" }, false, ["deriveBits"]);
    const publicKey = await crypto.subtle.importKey("raw", fromHex(sealed.public).slice(6), { name: "X25519" }, true, []);
    return { privateKey, publicKey } as CryptoKeyPair;
  }

  test("by Python open here, for their purpose only", async () => {
    expect(toHex(await open(fromHex(sealed.sealed), await python(), info))).toBe(vectors.key);
    await expect(open(fromHex(sealed.sealed), await python(), depositInfo(context))).rejects.toThrow(OpenFailed);
    await expect(open(fromHex(sealed.sealed), await newKeyPair(), info)).rejects.toThrow(OpenFailed);
  });

  test("by Python to a post-quantum key open here too", async () => {
    const own = await newQuantumKey(fromHex(sealed.secret));
    expect(own.wrapping.extractable).toBe(false);
    expect(toHex(own.publicKey)).toBe(sealed.quantum.public);
    expect(toHex(await openQuantum(fromHex(sealed.quantum.sealed), own, info))).toBe(vectors.key);
    await expect(openQuantum(fromHex(sealed.quantum.sealed), own, depositInfo(context))).rejects.toThrow(OpenFailed);
    await expect(openQuantum(fromHex(sealed.quantum.sealed), await newQuantumKey(), info)).rejects.toThrow(OpenFailed);
    await expect(openQuantum(fromHex(sealed.sealed), own, info)).rejects.toThrow(OpenFailed);
  });

  test("to a browser's own key", async () => {
    const pair = await newKeyPair();
    expect(pair.privateKey.extractable).toBe(false);
    expect(toHex(await open(await seal(key, await encodedPublic(pair), info), pair, info))).toBe(vectors.key);
  });
});
