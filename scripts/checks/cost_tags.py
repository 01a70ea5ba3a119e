"""Cost-allocation tags: what the budget counts by."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from scripts.checks.registry import DENIED, Context, Finding, check
from scripts.retraining.errors import error_code


@check("cost-tags", "Are the tags activated that the budget counts by?")
def cost_tags(context: Context) -> Iterator[Finding]:
    """Only the account that pays can activate a tag, once some resource has carried it for up to a day."""
    keys = sorted(context.config.cost_tags)
    if context.config.budget.monthly_usd is None:
        yield Finding("ok", "budget.monthly_usd is null: no budget is deployed")
        return
    status = ",".join(f"TagKey={key},Status=Active" for key in keys).replace(",TagKey", " TagKey")
    remedy = (
        f"in the account that pays, up to a day after the first deploy: aws ce update-cost-allocation-tags-status "
        f"--cost-allocation-tags-status {status}; until then the budget counts nothing"
    )
    try:
        # Cost Explorer has one endpoint for all regions of a partition.
        found = context.client("ce").list_cost_allocation_tags(TagKeys=keys)["CostAllocationTags"]
    except ClientError as error:
        if error_code(error) not in DENIED:
            raise
        yield Finding("warning", "this account may not see which tags are activated", remedy)
        return
    active = {tag["TagKey"] for tag in found if tag["Status"] == "Active"}
    missing = [key for key in keys if key not in active]
    if missing:
        yield Finding("warning", f"not activated as cost-allocation tags: {', '.join(missing)}", remedy)
    else:
        yield Finding("ok", f"{' and '.join(keys)} are activated")
