"""An estimate as a table, as JSON and as a page with a picture."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from scripts.costing.estimate import Estimate
from scripts.costing.usage import Usage
from scripts.report.build import render_page
from scripts.report.headline import Tile, Verdict
from scripts.report.section import Picture, Section, Table
from scripts.report.style import GENUINE, GRID, new_figure, settings, to_svg
from stacks import prices

# Below this, a resource is counted with its group's others, in the terminal and in the picture.
SMALL = 1.0


def groups(estimate: Estimate) -> list[tuple[str, float, float]]:
    """(group, USD a month, at most), the dearest first."""
    totals: dict[str, tuple[float, float]] = {}
    for item in estimate.items:
        usd, most = totals.get(item.group, (0.0, 0.0))
        totals[item.group] = (usd + item.usd, most + item.most)
    return sorted(((name, *both) for name, both in totals.items()), key=lambda row: -row[1])


def document(environment: str, estimate: Estimate, usage: Usage) -> dict[str, Any]:
    """Everything, for programs."""
    region, day = prices.checked()
    return {
        "environment": environment,
        "usdAMonth": round(estimate.usd, 2),
        "usdAMonthAtMost": round(estimate.most, 2),
        "prices": {"region": region, "checked": day, "services": {k: asdict(v) for k, v in prices.services().items()}},
        "usage": asdict(usage),
        "groups": {name: {"usd": round(usd, 2), "most": round(most, 2)} for name, usd, most in groups(estimate)},
        "items": [asdict(item) for item in estimate.items],
        "free": estimate.free,
        "notPriced": [{"resource": name, "type": kind, "why": why} for name, kind, why in estimate.unpriced],
    }


def show(environment: str, estimate: Estimate, usage: Usage, console: Console) -> None:
    """Print the table: each group with what is dear in it, the total, and what is free or has no price."""
    table = RichTable(title=f"{environment}: USD a month", title_justify="left", show_edge=False)
    for head, justify in (("", "left"), ("what", "left"), ("as used", "right"), ("at most", "right")):
        table.add_column(head, justify=justify)
    for name, usd, most in groups(estimate):
        table.add_row(f"[bold]{name}", "", f"[bold]{usd:,.2f}", f"[bold]{most:,.2f}")
        for what, item_usd, item_most in _rows(estimate, name):
            table.add_row("", what, f"{item_usd:,.2f}", f"{item_most:,.2f}")
    table.add_section()
    table.add_row("[bold]together", "", f"[bold]{estimate.usd:,.2f}", f"[bold]{estimate.most:,.2f}")
    console.print(table)
    console.print(f"[dim]{_basis(usage)}[/]", soft_wrap=True)
    console.print(f"[dim]free: {', '.join(sorted(estimate.free))}[/]", soft_wrap=True)
    for name, kind, why in estimate.unpriced:
        console.print(f"[yellow]not priced[/] {name} ({kind}): {why}", soft_wrap=True)


def page(environment: str, estimate: Estimate, usage: Usage) -> str:
    """The page's HTML: a picture, every item with its price, and what was assumed."""
    region, day = prices.checked()
    notes = [f"{name} ({kind}) is not priced: {why}." for name, kind, why in estimate.unpriced]
    verdict = Verdict(
        "bad" if notes else "",
        f"{estimate.usd:,.0f} USD a month",
        f"as used; {estimate.most:,.0f} USD at most, with the endpoint scaled out, a challenger beside it and as many "
        "retraining runs as the guard lets start.",
    )
    tiles = [
        Tile(name, f"{usd:,.0f}", f"{most:,.0f} at most" if most - usd >= 0.5 else "")
        for name, usd, most in groups(estimate)
    ]
    rows = [
        (item.group, item.resource, item.what, item.price, f"{item.usd:,.2f}", f"{item.most:,.2f}")
        for item in sorted(estimate.items, key=lambda item: -item.usd)
        if item.most >= 0.005
    ]
    heads = ("", "resource", "what", "price", "USD", "at most")
    assumed = [(each.metadata["help"], f"{getattr(usage, each.name):,g}") for each in fields(Usage)]
    sections = [
        Section(
            "groups", "By kind", pictures=[Picture("USD a month: as used, and at most", _picture(estimate), "full")]
        ),
        Section("items", "By resource", tables=[Table(rows, heads, frozenset({4, 5}), kind="dense")], notes=notes),
        Section("assumed", "Assumed", tables=[Table(assumed, ("assumption", "value"), frozenset({1}))]),
        Section("prices", "Prices", texts=(_instances(region, day),), tables=[_prices(estimate)]),
        Section("free", "Free", tables=[Table(sorted(estimate.free.items()), ("type", "why"))]),
    ]
    return render_page(f"Cost of {environment}", verdict, tiles, sections)


def _rows(estimate: Estimate, group: str) -> list[tuple[str, float, float]]:
    """A group's items, the dearest first, its small ones together."""
    items = sorted((item for item in estimate.items if item.group == group), key=lambda item: -item.most)
    large = [item for item in items if item.most >= SMALL]
    rows = [(f"{_short(item.resource)}: {item.what}", item.usd, item.most) for item in large]
    small = [item for item in items if item.most < SMALL and item.most > 0]
    if small:
        what = f"{len(small)} of less than {SMALL:g} USD each"
        rows.append((what, sum(item.usd for item in small), sum(item.most for item in small)))
    return rows


def _short(resource: str) -> str:
    return resource.replace("-${AWS::AccountId}", "").removeprefix("com.amazonaws.")


def _basis(usage: Usage) -> str:
    region, day = prices.checked()
    assumed = ", ".join(f"{each.name.replace('_', ' ')} {getattr(usage, each.name):,g}" for each in fields(Usage))
    dated = f"instances as of {day}; --json and --out have each price's source and date"
    return f"On-demand prices of {region} ({dated}). Assumed: {assumed}."


def _instances(region: str, day: str) -> str:
    return f"On demand, {region}, without free tiers, taxes or discounts. Instances: as of {day}, {prices.source()}."


def _prices(estimate: Estimate) -> Table:
    used = {item.price for item in estimate.items}
    rows = [
        (name, f"{price.usd:.10f}".rstrip("0").rstrip("."), price.per, price.source, price.date)
        for name, price in sorted(prices.services().items())
        if name in used
    ]
    rows += [
        (name, f"{usd:g}", "hour", "see above", "") for name, usd in sorted(prices.hourly().items()) if name in used
    ]
    return Table(rows, ("price", "USD", "for a", "source", "as of"), frozenset({1}), kind="dense")


def _picture(estimate: Estimate) -> str:
    rows = groups(estimate)[::-1]
    with settings():
        figure, (axes,) = new_figure("full", 0.42 * len(rows) + 0.9)
        places = range(len(rows))
        axes.barh(places, [most for _, _, most in rows], color=GRID, edgecolor="#8A94A0", height=0.66, label="at most")
        axes.barh(places, [usd for _, usd, _ in rows], color=GENUINE, height=0.66, label="as used")
        for place, (_, usd, most) in zip(places, rows, strict=True):
            text = f"{usd:,.0f}" + (f" to {most:,.0f}" if most - usd >= 0.5 else "")
            axes.annotate(text, (most, place), (5, 0), textcoords="offset points", va="center", fontsize=9)
        axes.set_yticks(list(places), [name for name, _, _ in rows])
        axes.set_xlabel("USD a month")
        axes.margins(x=0.12)
        axes.grid(visible=False, axis="y")
        axes.legend(loc="lower right")
        described = ", ".join(f"{name} {usd:,.0f}" for name, usd, _ in rows[::-1])
        return to_svg(figure, "costs", f"USD a month by kind: {described}")
