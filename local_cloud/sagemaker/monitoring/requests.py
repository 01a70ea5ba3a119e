"""The processing jobs of a monitoring execution, as Model Monitor and Clarify are started on AWS."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any

from local_cloud.sagemaker import models, s3
from local_cloud.sagemaker.errors import SageMakerError, ValidationError
from local_cloud.sagemaker.monitoring.definitions import Definition

Record = dict[str, Any]

MERGER = "sagemaker-model-monitor-groundtruth-merger"
_ROOT = "/opt/ml/processing"
_BASELINE = f"{_ROOT}/baseline"
_CODE = f"{_ROOT}/code"
# Where Clarify's container reads its settings; the model stands in for the endpoint that Clarify would ask.
_CONFIG = f"{_ROOT}/input/config"
_MODEL = f"{_ROOT}/input/model"
_PARTS = {"captureIndexNames": ["endpointInput", "endpointOutput"]}
# MonitoringType: the job's name begins with, the container's analysis_type.
_KINDS = {
    "DataQuality": ("model-monitoring", None),
    "ModelQuality": ("model-quality-monitoring", "MODEL_QUALITY"),
    "ModelBias": ("model-bias-monitoring", "MODEL_BIAS"),
    "ModelExplainability": ("model-explainability-monitoring", "MODEL_EXPLAINABILITY"),
}
_ATTRIBUTES = {
    "FeaturesAttribute": "features_attribute",
    "InferenceAttribute": "inference_attribute",
    "ProbabilityAttribute": "probability_attribute",
    "ProbabilityThresholdAttribute": "probability_threshold_attribute",
}


@dataclass(frozen=True)
class Run:
    """One execution: which schedule, over which window, and the end of its jobs' names."""

    schedule: Record
    definition: Definition
    scheduled: datetime
    start: datetime
    end: datetime
    suffix: str

    @property
    def kind(self) -> str:
        return self.schedule["MonitoringType"]

    @property
    def endpoint(self) -> str:
        return self.definition.source["EndpointName"]

    def job_name(self, prefix: str) -> str:
        # A job's name has at most 63 characters.
        return f"{prefix}-{self.scheduled:%Y%m%d%H%M}-{self.suffix}"[:63]


def analysis(run: Run, manifest: str) -> Record:
    """The job that analyses the files of a manifest: captures, or captures merged with their labels."""
    definition, application, source = run.definition, run.definition.application, run.definition.source
    prefix, analysis_type = _KINDS[run.kind]
    schedule = run.schedule["MonitoringScheduleName"]
    merged = "sagemakerMergeJson" if definition.ground_truth else "sagemakerCaptureJson"
    inputs = [_input("endpoint_input_1", manifest, source["LocalPath"], "ManifestFile")]
    environment = {
        "dataset_source": source["LocalPath"],
        "dataset_format": json.dumps({merged: _PARTS}),
        "output_path": definition.output["LocalPath"],
        "publish_cloudwatch_metrics": "Enabled",
        "start_time": _iso(run.start),
        "end_time": _iso(run.end),
        "sagemaker_endpoint_name": run.endpoint,
        "sagemaker_monitoring_schedule_name": schedule,
    }
    if analysis_type:
        environment["analysis_type"] = analysis_type
    if problem := application.get("ProblemType"):
        environment["problem_type"] = problem
    environment |= {name: _text(source[member]) for member, name in _ATTRIBUTES.items() if member in source}
    for member, variable, folder in (
        ("ConstraintsResource", "baseline_constraints", "constraints"),
        ("StatisticsResource", "baseline_statistics", "stats"),
    ):
        if uri := definition.baseline.get(member, {}).get("S3Uri"):
            inputs.append(_input(folder, uri, f"{_BASELINE}/{folder}"))
            environment[variable] = f"{_BASELINE}/{folder}/{PurePosixPath(uri).name}"
    for member, variable, folder in (
        ("RecordPreprocessorSourceUri", "record_preprocessor_script", "preprocessing"),
        ("PostAnalyticsProcessorSourceUri", "post_analytics_processor_script", "postprocessing"),
    ):
        if uri := application.get(member):
            inputs.append(_input(folder, uri, f"{_CODE}/{folder}"))
            environment[variable] = f"{_CODE}/{folder}/{PurePosixPath(uri).name}"
    if config := application.get("ConfigUri"):
        inputs.append(_input("analysis_config", config, _CONFIG))
        if run.kind == "ModelExplainability":
            inputs.append(_input("model", _model_data(config), _MODEL))
    report = s3.join(definition.output["S3Uri"], run.endpoint, schedule, f"{run.scheduled:%Y/%m/%d/%H}")
    image = {
        member: application[member]
        for member in ("ImageUri", "ContainerEntrypoint", "ContainerArguments")
        if member in application
    }
    return _job(
        run,
        name=run.job_name(prefix),
        image=image,
        inputs=inputs,
        output=(report, definition.output["LocalPath"]),
        environment={**environment, **definition.environment},
    )


def merge(run: Run, manifest: str, truth_manifest: str) -> Record:
    """The job that joins labels to captures, as AWS runs it before model quality and bias."""
    folders = {"dataset_source": f"{_ROOT}/input_data", "ground_truth_source": f"{_ROOT}/groundtruth"}
    output = f"{_ROOT}/output"
    return _job(
        run,
        name=run.job_name("groundtruth-merge"),
        image={"ImageUri": _merger(run.definition.application["ImageUri"])},
        inputs=[
            _input("groundtruth_input_1", truth_manifest, folders["ground_truth_source"], "ManifestFile"),
            _input("endpoint_input_1", manifest, folders["dataset_source"], "ManifestFile"),
        ],
        output=(merged_uri(run), output),
        environment={**folders, "output_path": output, "start_time": _iso(run.start), "end_time": _iso(run.end)},
    )


def _merger(image: str) -> str:
    """The merger lies beside the analyzer; Clarify's registry has none, so there it is the platform's own."""
    return MERGER if "/sagemaker-clarify" in image else re.sub(r"[^/]+$", MERGER, image)


def merged_uri(run: Run) -> str:
    """Below which merged records are kept, in the layout of captures."""
    return s3.join(run.definition.output["S3Uri"], "merge")


def _model_data(config: str) -> str:
    """The artefact of the model that an analysis_config.json names as its predictor."""
    try:
        settings = json.loads(s3.read_bytes(config))
        name = settings["predictor"]["model_name"]
    except (ValueError, KeyError, TypeError):
        raise ValidationError(f"ClientError: {config} names no model as predictor.model_name.") from None
    try:
        container = models.serving_container(name)
    except SageMakerError:
        raise ValidationError(f'ClientError: Could not find model "{name}" of {config}.') from None
    return container["ModelDataUrl"]


def _job(
    run: Run, *, name: str, image: Record, inputs: list[Record], output: tuple[str, str], environment: dict[str, str]
) -> Record:
    definition = run.definition
    uri, path = output
    outputs: Record = {
        "Outputs": [{"OutputName": "result", "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": "EndOfJob"}}]
    }
    if definition.kms_key is not None:
        outputs["KmsKeyId"] = definition.kms_key
    request = {
        "ProcessingJobName": name,
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": outputs,
        "ProcessingResources": definition.resources,
        "AppSpecification": image,
        "Environment": environment,
        "RoleArn": definition.role,
    }
    if definition.network:
        request["NetworkConfig"] = definition.network
    if definition.stopping:
        request["StoppingCondition"] = definition.stopping
    return request


def _input(name: str, uri: str, path: str, kind: str = "S3Prefix") -> Record:
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": kind, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**source, "S3DataDistributionType": "FullyReplicated"}}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
