"""The commands, put together."""

import typer

from ledger.cli import audit, demo, evidence, index, keys, market, operate, possession
from ledger.cli.session import options
from ledger.recursion import limit_recursion

app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False, add_completion=False)
app.callback()(options)

for command in (
    operate.up,
    operate.deploy,
    demo.demo,
    market.accredit,
    market.mint,
    market.publish,
    market.attest,
    market.buy,
    market.fetch,
    market.confirm,
    market.withdraw,
    market.suspend,
    market.status,
    evidence.certificate,
    evidence.trust,
    evidence.present,
    evidence.verify,
    possession.possession,
):
    app.command()(command)

licence = typer.Typer(no_args_is_help=True, help="Licences.")
licence.command("show")(market.licence_show)
licence.command("revoke")(market.licence_revoke)
app.add_typer(licence, name="licence")

key = typer.Typer(no_args_is_help=True, help="Your encryption keys, and the vault's master key.")
key.command("register")(keys.register)
key.command("show")(keys.show)
key.command("revoke")(keys.revoke)
key.command("rotate")(keys.rotate)
app.add_typer(key, name="keys")

listing = typer.Typer(no_args_is_help=True, help="Listings.")
listing.command("show")(market.listing_show)
app.add_typer(listing, name="listing")
app.command("audit")(audit.audit_command)

indexing = typer.Typer(no_args_is_help=True, help="The index of the chain.")
indexing.command("rebuild")(index.rebuild)
app.add_typer(indexing, name="index")


def main() -> None:
    limit_recursion()
    app()
