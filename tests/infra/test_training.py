"""The training stack: the deployed definition, its logs, its topic and the approval in the registry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.conftest import Assembly, text


def definition(assembly: Assembly) -> dict[str, Any]:
    return json.loads(text(assembly.one("training", "AWS::StepFunctions::StateMachine")["DefinitionString"]))


def test_every_task_catches_everything_and_every_next_exists(assembly: Assembly) -> None:
    states = definition(assembly)["States"]
    targets = {definition(assembly)["StartAt"]}
    for name, state in states.items():
        targets |= {state[key] for key in ("Next", "Default") if key in state}
        targets |= {choice["Next"] for choice in state.get("Choices", [])}
        if state["Type"] == "Task":
            (catcher,) = state["Catch"]
            assert catcher["ErrorEquals"] == ["States.ALL"], name
            targets.add(catcher["Next"])
    assert targets == set(states), "each state is reachable, and each target exists"


def test_no_functions_only_integrations(assembly: Assembly) -> None:
    resources = {state["Resource"] for state in definition(assembly)["States"].values() if "Resource" in state}
    assert not [resource for resource in resources if "lambda" in resource]
    assert "arn:aws:states:::sagemaker:createHyperParameterTuningJob.sync" in resources


def test_definition_is_jsonata_and_ends_in_time(assembly: Assembly) -> None:
    machine = definition(assembly)
    assert machine["QueryLanguage"] == "JSONata" and machine["TimeoutSeconds"] >= 600
    assert len(json.dumps(machine)) < 1_000_000


def jobs(assembly: Assembly) -> list[dict[str, Any]]:
    states = definition(assembly)["States"]
    return [states[name]["Arguments"] for name in ("Prepare", "Evaluate")]


def test_jobs_are_isolated_and_encrypted_with_the_data_key(assembly: Assembly) -> None:
    key = f"${{import:fraudstack-{assembly.environment}-data-key-arn}}"
    for job in jobs(assembly):
        assert job["NetworkConfig"]["EnableNetworkIsolation"] is True
        assert job["NetworkConfig"]["EnableInterContainerTrafficEncryption"] is True
        assert job["ProcessingOutputConfig"]["KmsKeyId"] == key
        assert job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == key
    trial = definition(assembly)["States"]["Tune"]["Arguments"]["TrainingJobDefinition"]
    assert trial["EnableNetworkIsolation"] and trial["EnableInterContainerTrafficEncryption"]
    assert trial["OutputDataConfig"]["KmsKeyId"] == trial["ResourceConfig"]["VolumeKmsKeyId"] == key


def test_each_job_runs_under_its_own_role(assembly: Assembly) -> None:
    prefix = f"fraudstack-{assembly.environment}"
    for job in jobs(assembly):
        assert job["RoleArn"].endswith(f"role/{prefix}-processing-us-east-1")
    trial = definition(assembly)["States"]["Tune"]["Arguments"]["TrainingJobDefinition"]
    assert trial["RoleArn"].endswith(f"role/{prefix}-training-us-east-1")


def test_command_of_processing_jobs_fits_the_api(assembly: Assembly) -> None:
    for job, module in zip(jobs(assembly), ("training_code.prepare", "training_code.evaluate"), strict=True):
        shell, option, command, name = job["AppSpecification"]["ContainerEntrypoint"]
        assert (shell, option, name) == ("/bin/bash", "-c", "job")
        assert len(command) <= 256 and command.endswith(f'exec python3 -m {module} "$@"')
        assert all(isinstance(flag, str) and len(flag) <= 256 for flag in job["AppSpecification"]["ContainerArguments"])


def test_code_that_runs_is_the_code_that_was_published(assembly: Assembly) -> None:
    outputs = assembly.template("storage")["Outputs"]
    code, wheels = text(outputs["CodeUri"]["Value"]), text(outputs["WheelhouseUri"]["Value"])
    for job in jobs(assembly):
        given = job["ProcessingInputs"]
        if isinstance(given, str):
            given = definition(assembly)["States"]["Find champion"]["Assign"]["evaluationInputs"]
        assert [i["S3Input"]["S3Uri"] for i in given[:2]] == [code, wheels]
    manifest = json.loads((assembly.folder / f"fraudstack-{assembly.environment}-storage.assets.json").read_text())
    published = {d["objectKey"] for f in manifest["files"].values() for d in f["destinations"].values()}
    assert {code.rsplit("/", 1)[1], wheels.rsplit("/", 1)[1]} <= published
    submit = definition(assembly)["States"]["Tune"]["Arguments"]["TrainingJobDefinition"]["StaticHyperParameters"]
    assert f'/opt/ml/input/data/code/{code.rsplit("/", 1)[1]}"' in submit


def test_state_machine_is_traced_and_logs_steps_under_the_operations_key(assembly: Assembly) -> None:
    machine = assembly.one("training", "AWS::StepFunctions::StateMachine")
    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    group = assembly.one("training", "AWS::Logs::LogGroup")
    assert text(group["KmsKeyId"]) == f"${{import:fraudstack-{assembly.environment}-operations-key-arn}}"
    assert group["LogGroupName"].startswith("/aws/vendedlogs/states/")


def test_topic_is_encrypted_refuses_plain_http_and_takes_alarms(assembly: Assembly) -> None:
    topic = assembly.one("training", "AWS::SNS::Topic")
    assert text(topic["KmsMasterKeyId"]) == f"${{import:fraudstack-{assembly.environment}-operations-key-arn}}"
    policy = assembly.one("training", "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert [s["Condition"] for s in policy if s["Effect"] == "Deny"] == [{"Bool": {"aws:SecureTransport": "false"}}]
    # Budgets of the account publish as well (test_budget.py).
    senders = {s["Principal"]["Service"]: s["Condition"] for s in policy if s["Effect"] == "Allow"}
    assert set(senders) == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}
    for condition in senders.values():
        assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


@pytest.mark.parametrize(("environment", "manual"), [("dev", False), ("staging", False), ("prod", True)])
def test_approval_mode_decides_how_a_model_is_registered(
    assemblies: dict[str, Assembly], environment: str, manual: bool
) -> None:
    assembly = assemblies[environment]
    rules = assembly.resources("training", "AWS::Events::Rule").values()
    states = definition(assembly)["States"]
    status = states["Register"]["Arguments"]["ModelApprovalStatus"]
    assert status == ("PendingManualApproval" if manual else "Approved")
    after = "Tell of approval" if manual else "Check package"
    assert states["Name explained model"]["Next"] == states["Explanations?"]["Default"] == after
    assert len(rules) == manual
    for rule in rules:
        pattern = rule["Properties"]["EventPattern"]["detail"]
        assert pattern["ModelPackageGroupName"] == [f"fraudstack-{environment}"]
        assert pattern["ModelApprovalStatus"] == ["Approved"]
        (target,) = rule["Properties"]["Targets"]
        assert target["InputTransformer"]["InputTemplate"] == '{"modelPackageArn": <arn>, "approvedAt": <time>}'
        assert text(target["RoleArn"]).endswith("role/fraudstack-prod-approval-us-east-1")


def test_a_version_is_registered_with_the_image_that_serves_it(assembly: Assembly, varied: Assembly) -> None:
    def image(deployed: Assembly) -> str:
        register = definition(deployed)["States"]["Register"]["Arguments"]["InferenceSpecification"]
        return register["Containers"][0]["Image"]

    assert image(assembly).endswith("/sagemaker-xgboost:3.2-0")
    uri = text(varied.template("storage")["Outputs"]["ServerImageUri"]["Value"])
    assert uri.split("/")[1].startswith("cdk-hnb659fds-container-assets-")
    assert image(varied) == uri
    manifest = json.loads((varied.folder / "fraudstack-staging-storage.assets.json").read_text())
    (built,) = manifest["dockerImages"].values()
    assert built["source"]["platform"] == "linux/amd64"
    assert uri.endswith(":" + next(iter(built["destinations"].values()))["imageTag"])


def test_containers_may_be_pulled_from_where_they_are_and_nowhere_else(assembly: Assembly, varied: Assembly) -> None:
    def repositories(deployed: Assembly) -> set[str]:
        (policy,) = (
            resource["Properties"]["PolicyDocument"]["Statement"]
            for name, resource in deployed.resources("identity", "AWS::IAM::ManagedPolicy").items()
            if name.startswith("ContainersPolicy")
        )
        (pull,) = [statement for statement in policy if "ecr:BatchGetImage" in statement["Action"]]
        return {text(arn).split(":repository/")[1].split("$")[0] for arn in pull["Resource"]}

    monitors = {f"sagemaker-{name}" for name in ("model-monitor-analyzer", "model-monitor-groundtruth-merger")}
    aws = {"sagemaker-xgboost", "sagemaker-clarify-processing", *monitors}
    assert repositories(assembly) == aws
    # The engine `processing` needs none of the closed services' images.
    assert repositories(varied) == {"sagemaker-xgboost", "cdk-hnb659fds-container-assets-"}
