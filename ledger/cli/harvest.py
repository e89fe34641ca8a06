"""What a seller with many datasets does."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.sell import STANDARD_LICENCE, Importance, Sharing, Subject, classified, plan_of
from ledger.cli.session import Options, run
from ledger.client.harvest import harvest, read


def import_catalogue(
    context: typer.Context,
    catalogue: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A dcat:Catalog (JSON-LD).")],
    price: Annotated[int, typer.Option(min=0, help="đồng, of each dataset; 0 for open data.")] = 0,
    importance: Annotated[Importance, typer.Option()] = Importance.other,
    sharing: Annotated[Sharing, typer.Option()] = Sharing.open,
    subject: Annotated[Subject, typer.Option()] = Subject.unstated,
    days: Annotated[int, typer.Option(min=0, help="How long a licence lasts; 0 for ever.")] = 0,
    terms: Annotated[str, typer.Option(help="Licence text, or its hash (0x…).")] = STANDARD_LICENCE,
) -> None:
    """Lists every dataset of a DCAT 3 catalogue whose files lie beside it (seller).

    Run again, it lists nothing twice: a dataset is known by its @id, and a changed document is a new version.
    """
    options: Options = context.obj
    classification = classified(importance, sharing, subject)

    async def work() -> None:
        listed: list[dict[str, object]] = []
        async with options.client() as client:
            async for one in harvest(client, read(catalogue), classification, [plan_of(price, days, terms)]):
                state = "unchanged" if not one.new else "listed" if one.version == 1 else "a new version"
                options.output.say(
                    f"{one.dataset.name}: {state}, listing {one.listing}, version {one.version}"
                )
                listed.append(
                    {"id": one.dataset.name, "listing": one.listing, "version": one.version, "new": one.new}
                )
        new = sum(bool(one["new"]) for one in listed)
        options.output.done(
            f"Of {len(listed)} dataset(s), {new} are listed now, the others were before.",
            {"datasets": listed} if options.output.as_json else {},
        )

    run(options.output, work)
