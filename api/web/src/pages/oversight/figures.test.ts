import { expect, test } from "vitest";

import { days, totals } from "./figures";

const SALE = { importance: "core", subject: "people", home: "VN", buyer_home: "VN", currency: 1 };

test("R21 sales of all sorts add up by day", () => {
  const sales = [
    { ...SALE, start: "2026-11-23T00:00:00Z", purchases: 1, renewals: 0, value: "7", lowest: "7", highest: "7" },
    { ...SALE, start: "2026-11-22T00:00:00Z", purchases: 2, renewals: 1, value: "90", lowest: "10", highest: "50" },
    { ...SALE, start: "2026-11-22T00:00:00Z", purchases: 1, renewals: 0, value: "6", lowest: "6", highest: "6", home: "SG" },
    { ...SALE, start: "2026-11-22T00:00:00Z", purchases: 9, renewals: 0, value: "900", lowest: "1", highest: "1", currency: 2 },
  ];
  expect(days(sales)).toEqual({
    times: [1795305600, 1795392000],
    purchases: [3, 1],
    renewals: [1, 0],
    value: [96, 7],
    average: [24, 7],
    lowest: [6, 7],
    highest: [50, 7],
  });
  expect(totals(sales, (one) => one.home, (one) => one.purchases)).toEqual([["VN", 12], ["SG", 1]]);
  expect(days([]).times).toEqual([]);
});
