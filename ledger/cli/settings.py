"""The settings of the service: what each is for, what it is here, and what is missing."""

import os
from typing import Annotated, Any

import typer
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from rich.console import Console

from ledger.cli.session import REFUSED, Options


def settings(
    context: typer.Context,
    profile: Annotated[
        str | None, typer.Option(envvar="SOCAI_PROFILE", help="development, pilot or production.")
    ] = None,
) -> None:
    """Shows every setting of the service as it would start here, and what its profile needs and has not."""
    from api.production import missing  # only here: no other command needs the service's packages
    from api.settings import Settings, of_profile

    options: Options = context.obj
    named = {} if profile is None else {"profile": profile}
    try:
        found = Settings(**named)  # type: ignore[arg-type]
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            where = f"SOCAI_{'.'.join(map(str, fault['loc'])).upper()}" if fault["loc"] else "settings"
            options.output.failed(where, fault["msg"], "", {})
        raise typer.Exit(REFUSED) from None
    chosen = of_profile(found.profile)
    rows = [
        (_variable(name), _shown(getattr(found, name)), _source(name, chosen, named), _description(field))
        for name, field in Settings.model_fields.items()
    ]
    wanting = missing(found)
    if not options.output.as_json:
        _print(rows)
    options.output.done(
        f"Not fit for {found.profile}: {'; '.join(wanting)}."
        if wanting
        else f"The profile {found.profile} needs nothing more.",
        {"missing": wanting, "settings": {row[0]: dict(zip(_COLUMNS, row[1:], strict=True)) for row in rows}}
        if options.output.as_json
        else {},
    )


_COLUMNS = ("value", "from", "description")


def _variable(name: str) -> str:
    return f"SOCAI_{name.upper()}"


def _source(name: str, chosen: dict[str, Any], named: dict[str, str]) -> str:
    if name in named:
        return "option"
    if _variable(name) in os.environ:
        return "environment"
    return "profile" if name in chosen else "default"


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, SecretStr):
        return "set, not shown"
    return ":".join(map(str, value)) if isinstance(value, list) else str(value)


def _description(field: FieldInfo) -> str:
    return field.description or ""


def _print(rows: list[tuple[str, str, str, str]]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for variable, value, source, description in rows:
        console.print(f"[bold]{variable}[/bold]={value}  [dim]{source}[/dim]", markup=True)
        console.print(f"    {description}", markup=False)
