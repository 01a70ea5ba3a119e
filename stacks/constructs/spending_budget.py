"""A budget of what the platform costs, told to its topic."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from stacks.config.budget import BudgetConfig


class SpendingBudget(Construct):
    """Counts what carries all of `tags`, once the payer's account has activated them as cost-allocation tags.

    It has no name of its own: a change of who is told replaces it, which a fixed name would not let happen.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: BudgetConfig, tags: Mapping[str, str], topic_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        told = [("ACTUAL", percent) for percent in settings.percents] + [("FORECASTED", 100)]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=settings.monthly_usd, unit="USD"),
                filter_expression=budgets.CfnBudget.ExpressionProperty(
                    and_=[
                        budgets.CfnBudget.ExpressionProperty(
                            tags=budgets.CfnBudget.TagValuesProperty(key=key, values=[value], match_options=["EQUALS"])
                        )
                        for key, value in sorted(tags.items())
                    ]
                ),
                metrics=["UnblendedCost"],
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic_arn)],
                )
                for kind, percent in told
            ],
        )
