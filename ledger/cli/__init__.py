"""The `socai` command.

Exit codes: 0 done; 1 refused by a rule (the message says which); 2 wrong usage; 3 service or chain out of
reach; 4 what arrived is not what was promised. `socai audit` adds one for each kind of finding, from 10 on.
"""

from ledger.cli.app import main

__all__ = ["main"]
