import { expect, test } from "vitest";

import { place } from "./search";

test("R03 one search box: what is typed says by its look where it leads", () => {
  const account = `0x${"aB".repeat(20)}`;
  expect(place(` ${account} `)).toEqual({ path: `/oversight/participants/${account}`, query: {} });
  expect(place(`0x${"AB".repeat(32)}`)).toEqual({ path: "/oversight", query: { reference: `0x${"ab".repeat(32)}` } });
  expect(place("7")?.path).toBe("/oversight/listings/7");
  expect(place("281474976710655")?.path).toBe("/oversight/listings/281474976710655");
  expect(place("281474976710657")?.path).toBe("/oversight/licences/281474976710657");
  expect(place("VN")?.query).toEqual({ jurisdiction: "VN" });
  expect(place("Exchange")?.query).toEqual({ contract: "Exchange" });
  expect(place("Purchased")?.query).toEqual({ event: "Purchased" });
  for (const nothing of ["", "0", "0x12", "9".repeat(30), "a b", "<b>"]) expect(place(nothing), nothing).toBeNull();
});
