/**
 * The files attached to a PDF (ISO 32000, 7.11.4), as far as they stand in the open: plain or deflated streams outside
 * object streams, as `ledger.pdf` writes them. Nothing of the PDF is believed: what is attached carries its own proofs.
 */

const LARGEST = 64 << 20;

export function isPdf(data: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(data.subarray(0, 5)) === "%PDF-";
}

/** Every attachment that can be read, in the order of the file. */
export async function attachments(pdf: Uint8Array): Promise<Uint8Array[]> {
  const text = new TextDecoder("latin1").decode(pdf);
  const found: Uint8Array[] = [];
  for (const { 0: opening, 1: dictionary = "", index } of text.matchAll(/\bobj\s*<<((?:(?!endobj)[^])*?)>>\s*stream\r?\n/g)) {
    if (!/\/Type\s*\/EmbeddedFile\b/.test(dictionary)) continue;
    const start = index + opening.length;
    const length = Number(/\/Length\s+(\d+)(?!\s+\d+\s+R)/.exec(dictionary)?.[1] ?? text.indexOf("endstream", start) - start);
    const data = pdf.subarray(start, start + length);
    const whole = /\/Filter\s*\[?\s*\/FlateDecode\b/.test(dictionary) ? await inflated(data) : data;
    if (whole !== null) found.push(whole);
  }
  return found;
}

/** RFC 1950; null for what is damaged, or grows too large. */
async function inflated(data: Uint8Array): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    const reader = new Blob([data as BlobPart]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.length;
      if (size > LARGEST) return null;
      parts.push(read.value);
    }
  } catch {
    return null;
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}
