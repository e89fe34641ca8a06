import { expect, test } from "vitest";

import { attachments, isPdf } from "./attached";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);

async function deflated(data: string): Promise<string> {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream("deflate"));
  return String.fromCharCode(...new Uint8Array(await new Response(stream).arrayBuffer()));
}

test("R29 what is attached to a PDF is found, plain or deflated; what is damaged is not", async () => {
  const small = await deflated('{"whole":true}');
  const pdf = bytes(
    "%PDF-1.4\n1 0 obj\n<< /Length 5 /Type /Page >>\nstream\n/Type\nendstream\nendobj\n" +
      `5 0 obj\n<<\n/Filter /FlateDecode\n/Length ${small.length}\n/Params <</Size 14>>\n/Type /EmbeddedFile\n>>\nstream\n${small}\nendstream\nendobj\n` +
      "6 0 obj\n<< /Type /EmbeddedFile /Length 7 0 R >>\nstream\r\nplain\nendstream\nendobj\n" +
      "8 0 obj\n<< /Type /EmbeddedFile /Filter /FlateDecode /Length 4 >>\nstream\nnope\nendstream\nendobj\n",
  );
  expect(isPdf(pdf)).toBe(true);
  expect((await attachments(pdf)).map(text)).toEqual(['{"whole":true}', "plain\n"]);
  expect(isPdf(bytes('{"a":1}'))).toBe(false);
  expect(await attachments(bytes("%PDF-1.7 nothing"))).toEqual([]);
});
