"""py-solc-x and forge: one compiler, one set of settings, the same bytes."""

import json
import os
import subprocess

from ledger.chain.compiler import DEPLOYED_AS_IS, ROOT, compile_contracts


def test_both_toolchains_give_the_same_bytecode() -> None:
    subprocess.run(
        [ROOT / "node_modules/.bin/forge", "build", "contracts"],  # only what has changed since the last time
        cwd=ROOT,
        env={**os.environ, "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1"},
        check=True,
        capture_output=True,
    )
    ours = compile_contracts().contracts
    compared = set()
    for path in (ROOT / "out").glob("*.sol/*.json"):
        artifact = json.loads(path.read_text())
        unit = path.parent.name
        creation = bytes.fromhex(artifact["bytecode"]["object"][2:])
        runtime = bytes.fromhex(artifact["deployedBytecode"]["object"][2:])
        for key, contract in ours.items():
            if key[0].endswith(f"/{unit}") and key[1] == path.stem:
                assert (contract.creation, contract.runtime) == (creation, runtime), key
                compared.add(key)
    wanted = {key for key in ours if key[0].startswith("contracts/") or key[0] in DEPLOYED_AS_IS}
    assert wanted <= compared
    assert len(wanted) >= 8
