import { expect, test } from "vitest";

import { diff } from "./diff";

test("R15 what a new version says differently is found part by part", () => {
  const before = { title: "Rows", keywords: ["a", "b"], part: { size: 1, gone: true } };
  const after = { title: "Rows", keywords: ["a", "c", "d"], part: { size: 2 } };
  expect(diff(before, after)).toEqual([
    { path: "keywords[1]", before: "b", after: "c" },
    { path: "keywords[2]", before: null, after: "d" },
    { path: "part › gone", before: "true", after: null },
    { path: "part › size", before: "1", after: "2" },
  ]);
  expect(diff(after, after)).toEqual([]);
  expect(diff(null, { title: "Rows" })).toContainEqual({ path: "title", before: null, after: "Rows" });
});
