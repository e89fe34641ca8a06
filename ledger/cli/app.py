"""The commands, put together."""

import typer

from ledger.cli import (
    audit,
    backup,
    demo,
    erasure,
    evidence,
    exchange,
    export,
    harvest,
    index,
    keys,
    market,
    operate,
    oversee,
    possession,
    reconcile,
    sample,
    sell,
    settings,
    statement,
)
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
    sell.publish,
    market.attest,
    market.buy,
    market.fetch,
    market.confirm,
    market.withdraw,
    statement.statement,
    market.suspend,
    market.status,
    evidence.certificate,
    evidence.trust,
    evidence.present,
    evidence.verify,
    oversee.alerts,
    oversee.dossier,
    reconcile.reconcile,
    possession.possession,
    settings.settings,
    backup.backup,
    backup.restore,
    sample.sample,
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
listing.command("add-version")(sell.add_version)
listing.command("withdraw")(erasure.withdraw)
app.add_typer(listing, name="listing")
erasing = typer.Typer(no_args_is_help=True, help="Erasure of payloads.")
erasing.command("request")(erasure.request)
erasing.command("show")(erasure.show)
erasing.command("take-back")(erasure.take_back)
app.add_typer(erasing, name="erasure")
app.command("audit", help=audit.HELP)(audit.audit_command)

exporting = typer.Typer(no_args_is_help=True, help="Files for who checks the exchange.")
exporting.command("history")(export.history)
exporting.command("exchange")(exchange.export_exchange)
app.add_typer(exporting, name="export")

importing = typer.Typer(no_args_is_help=True, help="Takes up what was exported.")
importing.command("exchange")(exchange.import_exchange)
importing.command("catalogue")(harvest.import_catalogue)
app.add_typer(importing, name="import")

indexing = typer.Typer(no_args_is_help=True, help="The index of the chain.")
indexing.command("rebuild")(index.rebuild)
app.add_typer(indexing, name="index")


def main() -> None:
    limit_recursion()
    app()
