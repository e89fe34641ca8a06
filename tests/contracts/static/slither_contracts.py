"""Slither over `contracts/`: every detector but those named here, nothing found. Run by `scripts/analyse`.

It reads syntax trees only, which takes seconds; crytic-compile on its own would have forge build everything
anew. A single finding is suppressed where it stands, with its reason.
"""

import json
import logging
import subprocess
import sys
import tomllib
from inspect import isclass
from pathlib import Path
from typing import Any

from crytic_compile import CryticCompile
from crytic_compile.compilation_unit import CompilationUnit
from crytic_compile.compiler.compiler import CompilerVersion
from crytic_compile.platform.solc_standard_json import SolcStandardJson, parse_standard_json_output
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

EXCLUDED = {
    "calls-loop": "the loop over upstreams is bounded by MAX_UPSTREAMS and calls our own Listings",
    "costly-loop": "one journal entry for each plan, upstream or part, whose number is bounded",
    "dead-code": "free functions that only tests and proofs use belong to their types",
    "incorrect-equality": "meant for balances; here it finds rule ids and roots",
    "missing-zero-check": "constructors wire contracts that are deployed together and checked as a whole",
    "naming-convention": "immutables read as constants; a trailing underscore avoids shadowing",
    "reentrancy-benign": "calls before a write go to our own contracts, which call nobody back",
    "reentrancy-events": "as above; and the order of events is the order of the journal",
    "shadowing-local": "parameters of interfaces are named as what they are",
    "timestamp": "windows are hours and days; a validator can move a second",
    "unimplemented-functions": "public variables and OpenZeppelin's parts implement them; the compiler knows",
    "uninitialized-local": "zero is meant",
    "unused-return": "`check` and `checkHolder` revert; what they return besides is not always needed",
}


class SyntaxTrees(SolcStandardJson):
    """The contracts as `scripts/solc` parses them under foundry.toml's settings."""

    def compile(self, crytic_compile: CryticCompile, **_: Any) -> None:
        settings = tomllib.loads(Path("foundry.toml").read_text())["profile"]["default"]
        request = {
            "language": "Solidity",
            "sources": {
                str(f): {"content": f.read_text()} for f in sorted(Path(settings["src"]).rglob("*.sol"))
            },
            "settings": {
                "evmVersion": settings["evm_version"],
                "remappings": settings["remappings"],
                "outputSelection": {"*": {"*": ["abi"], "": ["ast"]}},
            },
        }
        run = subprocess.run(
            [settings["solc"], "--standard-json", "--base-path", "."],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=True,
        )
        answer = json.loads(run.stdout)
        if errors := [e["formattedMessage"] for e in answer.get("errors", ()) if e["severity"] == "error"]:
            sys.exit("\n".join(errors))
        no_code = {"object": "", "sourceMap": ""}
        for contracts in answer["contracts"].values():
            for contract in contracts.values():
                contract["evm"] = {"bytecode": no_code, "deployedBytecode": no_code}
        unit = CompilationUnit(crytic_compile, "contracts")
        unit.compiler_version = CompilerVersion(
            "solc", "0.8.37", settings["optimizer"], settings["optimizer_runs"]
        )
        parse_standard_json_output(answer, unit)


def main() -> None:
    # it fails to model three functions of OpenZeppelin's transient guard; one of ours would be said
    parsing = logging.getLogger("ContractSolcParsing")
    parsing.addFilter(lambda record: "(node_modules/" not in record.getMessage())
    slither = Slither(CryticCompile(SyntaxTrees()), filter_paths=["node_modules"])
    detectors = [
        d
        for d in vars(all_detectors).values()
        if isclass(d) and issubclass(d, AbstractDetector) and d.ARGUMENT
    ]
    if unknown := EXCLUDED.keys() - {d.ARGUMENT for d in detectors}:
        sys.exit(f"no such detectors: {', '.join(sorted(unknown))}")
    for detector in detectors:
        slither.register_detector(detector)
    found = [finding for findings in slither.run_detectors() for finding in findings]
    if idle := EXCLUDED.keys() - {finding["check"] for finding in found}:
        sys.exit(f"excluded without need: {', '.join(sorted(idle))}")
    wrong = [finding for finding in found if finding["check"] not in EXCLUDED]
    for finding in wrong:
        sys.stdout.write(f"{finding['check']}: {finding['description']}\n")
    sys.stdout.write(
        f"slither: {len(detectors) - len(EXCLUDED)} detectors on {len(slither.contracts)} contracts, "
        f"{len(wrong)} findings\n"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
