"""What each SageMaker operation that has a handler does, as a table that a test holds against the handlers."""

from dataclasses import dataclass

from local_cloud.sagemaker import operations_modules
from local_cloud.sagemaker.operations import HANDLERS, MODEL


@dataclass(frozen=True)
class Group:
    """Operations that belong together.

    Attributes:
        executed: operations with the effect they have on AWS.
        recorded: operations whose records List and Describe show, and nothing else happens.
    """

    title: str
    executed: str
    recorded: str = ""
    note: str = ""

    def operations(self) -> list[str]:
        return [*self.executed.split(), *self.recorded.split()]


GROUPS = [
    Group(
        "Training jobs",
        "CreateTrainingJob DescribeTrainingJob ListTrainingJobs StopTrainingJob DeleteTrainingJob",
        note="a process under SageMaker's container contract; script mode by the `sagemaker-training` toolkit; "
        "metrics, logs, failure reasons, stop and time limits",
    ),
    Group(
        "Processing jobs",
        "CreateProcessingJob DescribeProcessingJob ListProcessingJobs StopProcessingJob DeleteProcessingJob",
        note="inputs and outputs by S3 prefix; exit message and failure reason",
    ),
    Group(
        "Tuning jobs",
        "CreateHyperParameterTuningJob DescribeHyperParameterTuningJob ListHyperParameterTuningJobs "
        "ListTrainingJobsForHyperParameterTuningJob StopHyperParameterTuningJob DeleteHyperParameterTuningJob",
        note="Bayesian, Random, Hyperband and Grid; early stopping; parallel trials. AWS's own XGBoost image is tuned, "
        "as on AWS, for its published metrics and by its tunable hyperparameters only",
    ),
    Group(
        "Transform jobs",
        "CreateTransformJob DescribeTransformJob ListTransformJobs StopTransformJob",
        note="the serving container with SAGEMAKER_BATCH=true over every object of the input",
    ),
    Group(
        "Models",
        "CreateModel DescribeModel ListModels DeleteModel",
        note="one container, given directly or by a model package",
    ),
    Group(
        "Endpoints",
        "CreateEndpointConfig DescribeEndpointConfig ListEndpointConfigs DeleteEndpointConfig CreateEndpoint "
        "DescribeEndpoint ListEndpoints UpdateEndpoint UpdateEndpointWeightsAndCapacities DeleteEndpoint",
        note="a process for each production and shadow variant; blue/green with canary or linear shifting, alarms that "
        "roll back, data capture; instance counts are recorded",
    ),
    Group(
        "Model registry",
        "CreateModelPackageGroup DescribeModelPackageGroup ListModelPackageGroups DeleteModelPackageGroup "
        "CreateModelPackage DescribeModelPackage BatchDescribeModelPackage ListModelPackages UpdateModelPackage "
        "DeleteModelPackage",
        "PutModelPackageGroupPolicy GetModelPackageGroupPolicy DeleteModelPackageGroupPolicy",
        note="versions and approvals, with their events; a group's policy is never enforced",
    ),
    Group(
        "Monitoring schedules",
        "CreateMonitoringSchedule DescribeMonitoringSchedule ListMonitoringSchedules UpdateMonitoringSchedule "
        "StartMonitoringSchedule StopMonitoringSchedule DeleteMonitoringSchedule ListMonitoringExecutions",
        note="processing jobs on their cron, or at once by `run-schedule`; all four kinds: labels are merged by a job "
        "of their own first; an explainability job gets the artefact of the model that its analysis_config.json names "
        "in place of an endpoint to ask; a window without captures or labels is Failed with AWS's words",
    ),
    *(
        Group(
            f"{title} job definitions",
            " ".join(
                f"{verb}{kind}JobDefinition{'s' if verb == 'List' else ''}"
                for verb in ("Create", "Describe", "List", "Delete")
            ),
        )
        for title, kind in (
            ("Data quality", "DataQuality"),
            ("Model quality", "ModelQuality"),
            ("Bias", "ModelBias"),
            ("Explainability", "ModelExplainability"),
        )
    ),
    Group("Tags", "AddTags ListTags DeleteTags"),
]


def problems() -> list[str]:
    """Handlers that no group declares, declarations without a handler, and double declarations."""
    operations_modules.load()
    declared = [operation for group in GROUPS for operation in group.operations()]
    return [
        *(f"{name} has a handler and no declaration" for name in sorted(HANDLERS.keys() - set(declared))),
        *(f"{name} is declared and has no handler" for name in sorted(set(declared) - HANDLERS.keys())),
        *(f"{name} is declared twice" for name in sorted({name for name in declared if declared.count(name) > 1})),
    ]


def refused() -> list[str]:
    """Operations of the API that answer UnknownOperationException here."""
    operations_modules.load()
    return sorted(set(MODEL.operation_names) - HANDLERS.keys())
