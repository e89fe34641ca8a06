/** A decision as people read it: what would be otherwise than it is now. */
import { parseAbi } from "viem";
import { chain } from "../../chain/client";
import { moment, number, percent } from "../../lib/format";
import type { Hex } from "../../wallet/provider";
import { t } from "./decisionwords";
import type { Rules } from "./state";

type Line = [label: string, value: string];
type Named = { contract: string; method: string; args: readonly Line[] };

export const days = (seconds: number): string => t("days", { count: number(Math.round((seconds / 86_400) * 100) / 100) });

const PACK = parseAbi(["function version() view returns (uint24)", "function jurisdiction() view returns (bytes2)", "function rules() view returns (bytes32)"]);

/** Lines for people, in the order of the arguments. */
export async function told({ contract, method, args }: Named, { terms, pack, version }: Rules): Promise<Line[]> {
  const of = (name: string): string => args.find(([given]) => given === name)?.[1] ?? "";
  const change = (label: string, before: string, after: string): Line => [label, before === after ? t("same", { value: after }) : `${before} → ${after}`];
  switch (`${contract}.${method}`) {
    case "Exchange.setTerms":
      return [
        change(t("fee"), percent(terms.feeBps), percent(Number(of("feeBps")))),
        change(t("tax"), percent(terms.taxBps), percent(Number(of("taxBps")))),
        change(t("confirm"), days(terms.confirmWindow), days(Number(of("confirmWindow")))),
        change(t("arbitration"), days(terms.arbitrationWindow), days(Number(of("arbitrationWindow")))),
      ];
    case "Listings.setRulePack":
      return [
        change(t("pack"), pack, of("pack")),
        change(t("version"), number(version), await packVersion(of("pack") as Hex).then(({ version: next }) => number(next), () => t("nopack"))),
      ];
    default:
      return args.map(([name, value]) => [name, /(until|Until)$/.test(name) ? moment(value) : value]);
  }
}

/** What a contract says of itself as a rule pack. Raises when it is none. */
export async function packVersion(pack: Hex): Promise<{ version: number; jurisdiction: string; rules: Hex }> {
  const client = await chain();
  const [version, home, rules] = await Promise.all([
    client.readContract({ address: pack, abi: PACK, functionName: "version" }),
    client.readContract({ address: pack, abi: PACK, functionName: "jurisdiction" }),
    client.readContract({ address: pack, abi: PACK, functionName: "rules" }),
  ]);
  return { version, jurisdiction: String.fromCharCode(...(home.slice(2).match(/../g) ?? []).map((byte) => parseInt(byte, 16))), rules };
}
