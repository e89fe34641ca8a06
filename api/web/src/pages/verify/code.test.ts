import { expect, test } from "vitest";

import { code } from "./code";

const BASE = "https://data.example/";

test("R18 a scanned code names a licence of this exchange, or says whose it is", () => {
  expect(code("https://data.example/#/verify?licence=281474976710657", BASE)).toEqual({ licence: "281474976710657", block: null });
  expect(code("https://data.example/v1/evidence/licences/7?block=12#sha256=ab", BASE)).toEqual({ licence: "7", block: "12" });
  expect(code("https://other.example/#/verify?licence=7", BASE)).toEqual({ elsewhere: "https://other.example" });
  for (const nothing of ["", "hello", "javascript:alert(1)", "https://data.example/", "https://data.example/#/verify?licence=x", "https://data.example/#/listings/7"])
    expect(code(nothing, BASE), nothing).toBeNull();
});
