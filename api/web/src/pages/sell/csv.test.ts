import { expect, test } from "vitest";
import { canonical } from "../../payload/canonical";
import { glance } from "./csv";

test("columns are named and their types guessed", () => {
  const found = glance('mã,tên,"dân số",ngày\n1,"Hà Nội, TP",8435650,2024-04-01\n2,"Huế ""cố đô""",1236393,2024-04-01\n', true);
  expect(found?.columns.map(({ name, type }) => [name, type])).toEqual([
    ["mã", "integer"],
    ["tên", "string"],
    ["dân số", "integer"],
    ["ngày", "date"],
  ]);
  expect(found?.sample).toContain("Hà Nội");
});

test("another separator, a byte order mark, a row that is cut", () => {
  const found = glance("\uFEFFa;b\r\n1;1,5\r\n2;2,5\r\n3;x", false);
  expect(found?.columns.map(({ type }) => type)).toEqual(["integer", "decimal"]);
  expect(found?.columns[0]?.name).toBe("a");
});

test("what is no table has no columns", () => {
  expect(glance("just some text\nand more", true)).toBeNull();
  expect(glance("", true)).toBeNull();
});

test("a description has one spelling", () => {
  expect(canonical({ b: ["ệ", { z: "\n", a: '"' }], a: "1" })).toBe('{"a":"1","b":["ệ",{"a":"\\"","z":"\\n"}]}');
});
