"""A solver for halmos, `python solver.py QUERY.smt2`: yices, and cvc5 with integers for bit vectors.

Whoever answers first. Bit-blasting solvers do not get through a product of two unknowns divided by 10,000;
over the integers it is a second's work.
"""

import subprocess
import sys
import time
from pathlib import Path

TIME_LIMIT = 120
"""Seconds. The solvers keep it by themselves too: halmos may end this process before them."""


def cvc5(query: str, rewrite: str) -> None:
    import cvc5

    solver = cvc5.Solver()
    solver.setOption("solve-bv-as-int", "sum")
    solver.setOption("nl-rlv", rewrite)
    solver.setOption("tlimit", str(TIME_LIMIT * 1000))
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, query)
    while not (command := parser.nextCommand()).isNull():
        sys.stdout.write(str(command.invoke(solver, parser.getSymbolManager())))
        sys.stdout.flush()


def main(query: str) -> None:
    here = Path(sys.executable).parent
    commands = [
        [
            str(here / "yices-smt2"),
            "--smt2-model-format",
            "--bvconst-in-decimal",
            f"--timeout={TIME_LIMIT}",
            query,
        ],
        [sys.executable, __file__, query, "none"],
        [sys.executable, __file__, query, "always"],
    ]
    running = [
        subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for c in commands
    ]
    deadline = time.monotonic() + TIME_LIMIT
    try:
        while running and time.monotonic() < deadline:
            for process in running:
                if process.poll() is None:
                    continue
                running.remove(process)
                answer = process.communicate()[0]
                if answer.startswith(("sat", "unsat")):
                    sys.stdout.write(answer)
                    return
                break
            time.sleep(0.01)
        sys.stdout.write("unknown\n")
    finally:
        for process in running:
            process.kill()


if __name__ == "__main__":
    cvc5(*sys.argv[1:3]) if len(sys.argv) > 2 else main(sys.argv[1])
