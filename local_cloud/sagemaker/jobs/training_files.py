"""The files a training container finds, and its checkpoints, which outlive it."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local_cloud import hooks
from local_cloud.sagemaker import s3
from local_cloud.sagemaker.containers import OPT_ML
from local_cloud.sagemaker.jobs import contract

Record = dict[str, Any]
_CHECKPOINT_SECONDS = 2.0
_GROUP = "homogeneousCluster"


def prepare(record: Record, root: Path) -> None:
    """Make /opt/ml: configuration files and data of all channels.

    Raises:
        s3.TransferError: some channel's data cannot be had.
    """
    opt_ml = root / "opt" / "ml"
    for folder in ("input/data", "model", "output/data", "code"):
        (opt_ml / folder).mkdir(parents=True, exist_ok=True)
    config = opt_ml / "input" / "config"
    contract.write_json(root, config / "hyperparameters.json", record["HyperParameters"])
    contract.write_json(root, config / "resourceconfig.json", _resources(record))
    contract.write_json(root, config / "inputdataconfig.json", _channels(record))
    for channel in record.get("InputDataConfig", []):
        folder = opt_ml / "input" / "data" / channel["ChannelName"]
        source = channel["DataSource"]["S3DataSource"]
        contract.fetch_s3(source, folder, compressed=channel.get("CompressionType") == "Gzip")
        if source["S3DataType"] == "ManifestFile":
            s3.download(source["S3Uri"], folder.parent / f"{channel['ChannelName']}-manifest")
    if "CheckpointConfig" in record:
        local = _checkpoint_folder(record, root)
        local.mkdir(parents=True, exist_ok=True)
        uri = s3.join(record["CheckpointConfig"]["S3Uri"]) + "/"
        if s3.list_keys(uri):
            s3.download(uri, local)
        path = record["CheckpointConfig"].get("LocalPath", f"{OPT_ML}/checkpoints")
        contract.write_json(
            root,
            config / "checkpointconfig.json",
            {"S3Uri": record["CheckpointConfig"]["S3Uri"], "LocalPath": path},
        )


@contextlib.contextmanager
def checkpoints(record: Record, root: Path) -> Iterator[None]:
    """Copy checkpoints to S3 while the job runs and once more at its end, however that comes."""
    if "CheckpointConfig" not in record:
        yield
        return
    folder, uri = _checkpoint_folder(record, root), record["CheckpointConfig"]["S3Uri"]
    over = threading.Event()
    sent: dict[Path, tuple[int, int]] = {}

    def copy() -> None:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            stamp = (path.stat().st_mtime_ns, path.stat().st_size)
            if sent.get(path) != stamp:
                s3.upload(path, s3.join(uri, path.relative_to(folder).as_posix()))
                sent[path] = stamp

    def work() -> None:
        while not over.wait(_CHECKPOINT_SECONDS):
            # A checkpoint may be replaced while it is read; the next round takes it.
            with contextlib.suppress(s3.TransferError, OSError):
                copy()

    thread = threading.Thread(target=hooks.bound(work), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        copy()


def _checkpoint_folder(record: Record, root: Path) -> Path:
    path = record["CheckpointConfig"].get("LocalPath", f"{OPT_ML}/checkpoints")
    return contract.inside(root, path, "CheckpointConfig.LocalPath")


def _resources(record: Record) -> Record:
    resources = record.get("ResourceConfig", {})
    groups = resources.get("InstanceGroups") or [{"InstanceGroupName": _GROUP, **resources}]
    name, instance = groups[0]["InstanceGroupName"], groups[0].get("InstanceType", "ml.m5.large")
    return {
        "current_host": contract.HOST,
        "current_instance_type": instance,
        "current_group_name": name,
        "hosts": [contract.HOST],
        "instance_groups": [{"instance_group_name": name, "instance_type": instance, "hosts": [contract.HOST]}],
        "network_interface_name": "lo",
        "topology": None,
    }


def _channels(record: Record) -> Record:
    mode = record["AlgorithmSpecification"]["TrainingInputMode"]
    return {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode", mode),
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in record.get("InputDataConfig", [])
    }
