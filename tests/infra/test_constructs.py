"""Each construct is in templates that every scanner and rule looks at, and a test of its own fails without it."""

from __future__ import annotations

import importlib
import inspect
import json
import shutil
from pathlib import Path

import pytest

from tests.infra.conftest import Assembly
from tests.infra.synthesize import own_constructs

# Construct to the assertion test that is about it: module.function.
ASSERTED = {
    "AccessLogBucket": "test_storage.test_buckets_are_private_versioned_and_under_the_customer_key",
    "ApiFirewall": "test_firewall.test_each_client_is_limited_and_told_so",
    "ApprovalRule": "test_training.test_approval_mode_decides_how_a_model_is_registered",
    "ChallengerParameters": "test_serving.test_a_challenger_gets_copies_only_while_there_is_one",
    "ClosedDefaultGroup": "test_network.test_default_group_is_emptied_by_a_function_that_can_do_nothing_else",
    "CustomerKey": "test_keys.test_keys_rotate_and_name_every_action",
    "EncryptedLogGroup": "test_network.test_all_traffic_is_logged_under_the_operations_key",
    "EndpointAlarms": "test_serving.test_a_challengers_alarms_undo_no_deployment",
    "EndpointScaling": "test_serving.test_scaling_waits_for_the_endpoint",
    "ExplainedModel": "test_monitoring.test_clarify_asks_a_model_with_the_version_in_its_name",
    "GatewayLogging": "test_scoring.test_access_logs_wait_for_the_account_to_have_a_role_for_them",
    "GuardRules": "test_retraining_loop.test_alarms_of_drift_and_quality_ask_the_guard",
    "IsolatedVpc": "test_network.test_subnets_are_in_the_configured_zones_and_have_no_way_out",
    "LoggedMachine": "test_training.test_state_machine_is_traced_and_logs_steps_under_the_operations_key",
    "ModelEndpoint": "test_serving.test_model_is_the_package_in_isolation",
    "ModelMonitor": "test_monitoring.test_captures_are_flattened_with_the_published_script",
    "ModelParameter": "test_serving.test_outputs_that_scripts_rely_on",
    "MonitoringAlarms": "test_monitoring.test_alarms_are_the_same_for_both_engines_and_named_by_who_listens",
    "MonitoringMachine": "test_monitoring.test_the_end_of_sagemakers_jobs_is_counted",
    "NotificationsTopic": "test_training.test_topic_is_encrypted_refuses_plain_http_and_takes_alarms",
    "NotifyingAlarm": "test_scoring.test_alarms_watch_what_hurts",
    "PersonaRoles": "test_personas.test_every_environment_has_them_unless_they_are_not_wanted",
    "PlatformDashboard": "test_scoring.test_dashboard_shows_the_api",
    "PrivateBucket": "test_storage.test_buckets_are_private_versioned_and_under_the_customer_key",
    "ProblemResponses": "test_scoring.test_gateway_answers_problems",
    "ProtectedTable": "test_storage.test_tables_are_paid_by_request_under_the_customer_key_and_restorable",
    "ReportingMachine": "test_training.test_definition_is_jsonata_and_ends_in_time",
    "ScopedPolicy": "test_network.test_roles_may_put_interfaces_into_these_subnets_alone",
    "ScopedRole": "test_identity.test_a_role_for_each_kind_of_job_assumed_by_one_service_of_this_account",
    "ScoringAlarms": "test_scoring.test_alarms_watch_what_hurts",
    "ScoringApi": "test_scoring.test_api_is_regional_and_refuses_old_tls",
    "ScoringFunction": "test_scoring.test_function_has_its_settings_and_its_environment_is_encrypted",
    "ServiceEndpoints": "test_network.test_every_service_that_is_used_has_an_endpoint",
    "SpendingBudget": "test_budget.test_it_counts_what_has_both_tags_and_tells_the_topic",
    "StackAccess": "test_identity.test_stacks_grant_nothing_but_themselves_and_their_logs",
    "StackLook": "test_identity.test_stacks_grant_nothing_but_themselves_and_their_logs",
    "UndeliveredEvents": "test_undelivered_events.test_exactly_the_rules_of_the_deployment_send_to_the_queue",
    "WorkloadGroups": "test_network.test_workloads_reach_endpoints_and_gateways_and_nothing_reaches_them",
}
# Constructs without an element of their own: one holds files, one adds to the API's (ScoringApi).
EMPTY = {"CodeAssets", "ApiUsage"}


def made_by(assembly: Assembly) -> dict[str, dict[str, list[str]]]:
    """Class to stack to logical ids."""
    return json.loads(assembly.folder.with_name(f"{assembly.environment}.constructs.json").read_text())


def without(assembly: Assembly, construct: str, folder: Path) -> Assembly:
    """The assembly with nothing of the construct's in its templates."""
    shutil.copytree(assembly.folder, folder, ignore=shutil.ignore_patterns("asset.*"))
    for stack, ids in made_by(assembly).get(construct, {}).items():
        path = folder / f"{stack}.template.json"
        template = json.loads(path.read_text())
        for section in ("Resources", "Parameters", "Outputs", "Conditions", "Mappings"):
            template[section] = {key: value for key, value in template.get(section, {}).items() if key not in ids}
        path.write_text(json.dumps(template))
    return Assembly(assembly.environment, folder)


def test_every_construct_is_in_templates_that_scanners_and_rules_look_at(prod: Assembly) -> None:
    """Its own compliance test: cdk-nag's packs, cfn-lint and the platform's rules run over these very templates."""
    constructs = {kind.__name__ for kind in own_constructs()}
    assert set(ASSERTED) == constructs - EMPTY
    made = made_by(prod)
    assert set(made) == constructs
    assert {name for name, stacks in made.items() if not any(stacks.values())} == EMPTY


@pytest.mark.parametrize("construct", ASSERTED)
def test_an_assertion_fails_without_the_construct(
    assemblies: dict[str, Assembly], construct: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    module, _, function = ASSERTED[construct].partition(".")
    check = getattr(importlib.import_module(f"tests.infra.{module}"), function)

    def run(given: dict[str, Assembly]) -> None:
        known = {"assembly": given["prod"], "assemblies": given, "environment": "prod", "manual": True, **given}
        wanted = inspect.signature(check).parameters
        check(**{name: known[name] if name in known else request.getfixturevalue(name) for name in wanted})

    run(assemblies)
    with pytest.raises((AssertionError, LookupError, ValueError)):
        run({name: without(assembly, construct, tmp_path / name) for name, assembly in assemblies.items()})
