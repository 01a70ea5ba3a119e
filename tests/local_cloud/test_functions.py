"""A function's process: what it finds around it, what it answers, and what its package brings."""

import importlib.machinery
import importlib.metadata
import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local_cloud.functions import code
from local_cloud.functions.function import InitError
from tests.local_cloud import functions
from tests.local_cloud.conftest import ACCOUNT, REGION, REPOSITORY, Cloud, wait_until

SURROUNDINGS = """
import importlib.util, os, sys

def handler(event, context):
    names = ["boto3", "botocore", "dateutil", "local_cloud", "fraud", "numpy", "ministack", "psutil"]
    return {
        "environment": dict(os.environ),
        "path": sys.path,
        "found": [name for name in names if importlib.util.find_spec(name)],
        "directory": os.getcwd(),
    }
"""

# What AWS's runtime sets, with the four that say where the local cloud is instead.
VARIABLES = {
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SHARED_CREDENTIALS_FILE",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "TZ",
    "_HANDLER",
    "_MINISTACK_INVOKE_DEPTH",
}


@pytest.fixture(scope="module")
def surroundings(cloud: Cloud) -> dict[str, Any]:
    variables = {"OWN": "value", "AWS_LAMBDA_FUNCTION_NAME": "not allowed on AWS"}
    return functions.invoke(cloud, functions.create(cloud, SURROUNDINGS, Environment={"Variables": variables}))


def test_the_environment_is_the_functions_own(surroundings: dict[str, Any], cloud: Cloud) -> None:
    environment = surroundings["environment"]
    assert environment.pop("OWN") == "value"
    assert set(environment) == VARIABLES
    assert environment["AWS_LAMBDA_FUNCTION_NAME"].startswith("function-")
    assert environment["AWS_REGION"] == REGION
    assert environment["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert environment["TZ"] == ":UTC"
    assert environment["LAMBDA_TASK_ROOT"] == surroundings["directory"]


def test_of_the_servers_packages_only_boto3_and_its_own_are_found(surroundings: dict[str, Any]) -> None:
    assert surroundings["found"] == ["boto3", "botocore", "dateutil"]
    assert surroundings["path"][0] == surroundings["directory"]
    assert not [path for path in surroundings["path"] if path.startswith(str(REPOSITORY))]


def test_a_function_calls_the_local_cloud(cloud: Cloud) -> None:
    source = "import boto3\ndef handler(event, context): return boto3.client('sts').get_caller_identity()['Account']"
    assert functions.invoke(cloud, functions.create(cloud, source)) == ACCOUNT


def test_the_context_names_what_was_called(cloud: Cloud) -> None:
    source = """
def handler(event, context):
    assert 0 < context.get_remaining_time_in_millis() <= 30_000
    return [context.invoked_function_arn, context.function_version, context.memory_limit_in_mb]
"""
    name = functions.create(cloud, source)
    client = cloud.client("lambda")
    version = client.publish_version(FunctionName=name)["Version"]
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    assert functions.invoke(cloud, name) == [arn, "$LATEST", "256"]
    assert functions.invoke(cloud, name, Qualifier=version) == [f"{arn}:{version}", version, "256"]
    assert functions.invoke(cloud, name, Qualifier="live") == [f"{arn}:live", version, "256"]
    assert functions.invoke(cloud, f"{arn}:live") == [f"{arn}:live", version, "256"]


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("import absent", "Runtime.ImportModuleError", "Unable to import module 'index': No module named 'absent'"),
        ("def handler(: pass", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index'"),
        ("other = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'index'"),
        ("raise LookupError('at import')", "LookupError", "at import"),
        ("def handler(event, context): raise KeyError('x')", "KeyError", "'x'"),
        ("def handler(event, context): return {1, 2}", "Runtime.MarshalError", "Unable to marshal response"),
        ("import os\ndef handler(event, context): os._exit(3)", "Runtime.ExitError", "exit status 3"),
    ],
)
def test_errors_are_aws_error_documents(cloud: Cloud, source: str, kind: str, message: str) -> None:
    found = functions.failure(cloud, functions.create(cloud, source))
    assert found["errorType"] == kind
    assert message in found["errorMessage"]


def test_a_process_survives_errors_but_not_its_time_limit(cloud: Cloud) -> None:
    source = """
import os, time

def handler(event, context):
    if event == "fail":
        raise ValueError("no")
    time.sleep(event or 0)
    return os.getpid()
"""
    name = functions.create(cloud, source, Timeout=1)
    first = functions.invoke(cloud, name)
    assert functions.failure(cloud, name, "fail")["stackTrace"]
    assert functions.invoke(cloud, name) == first
    assert "Task timed out after 1.00 seconds" in functions.failure(cloud, name, 5)["errorMessage"]
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert functions.invoke(cloud, name) != first


def test_new_code_and_new_variables_take_effect(cloud: Cloud) -> None:
    name = functions.create(cloud, "import os\ndef handler(event, context): return [1, os.environ.get('V')]")
    assert functions.invoke(cloud, name) == [1, None]
    client = cloud.client("lambda")
    changed = functions.package({"index.py": "import os\ndef handler(event, context): return [2, os.environ.get('V')]"})
    client.update_function_code(FunctionName=name, ZipFile=changed)
    assert functions.invoke(cloud, name) == [2, None]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"V": "new"}})
    assert functions.invoke(cloud, name) == [2, "new"]


def test_a_layer_is_on_the_path(cloud: Cloud) -> None:
    archive = functions.package({"python/helper.py": "ANSWER = 42"})
    layer = cloud.client("lambda").publish_layer_version(LayerName="helper", Content={"ZipFile": archive})
    source = "import helper\ndef handler(event, context): return helper.ANSWER"
    assert functions.invoke(cloud, functions.create(cloud, source, Layers=[layer["LayerVersionArn"]])) == 42


def test_large_events_and_much_output_do_not_block(cloud: Cloud) -> None:
    source = """
import sys

def handler(event, context):
    for _ in range(2000):
        print("x" * 100)
        print("y" * 100, file=sys.stderr)
    return event
"""
    event = {"data": "z" * 3_000_000}
    assert functions.invoke(cloud, functions.create(cloud, source), event) == event


def test_logs_have_what_was_printed_between_start_and_report(cloud: Cloud) -> None:
    source = """
import logging

def handler(event, context):
    print("printed", event)
    logging.getLogger().warning("logged")
"""
    name = functions.create(cloud, source)
    functions.invoke(cloud, name, 1)
    functions.invoke(cloud, name, 2)
    client, group = cloud.client("logs"), f"/aws/lambda/{name}"
    streams = client.describe_log_streams(logGroupName=group)["logStreams"]
    assert len(streams) == 1, "one stream for each process"
    events = client.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True)
    lines = [event["message"] for event in events["events"]]
    assert [line.split()[0] for line in lines] == 2 * ["START", "printed", "[WARNING]", "END", "REPORT"]
    assert "Init Duration" in lines[4]
    assert "Init Duration" not in lines[9]


# ---- several at a time

SLEEPER = """
import os, time

def handler(event, context):
    time.sleep(event)
    return os.getpid()
"""


def test_concurrent_calls_run_in_processes_of_their_own_and_these_are_used_again(cloud: Cloud) -> None:
    name = functions.create(cloud, SLEEPER)
    with ThreadPoolExecutor(4) as threads:
        first = set(threads.map(lambda _: functions.invoke(cloud, name, 1.0), range(4)))
        assert len(first) == 4
        second = set(threads.map(lambda _: functions.invoke(cloud, name, 0.1), range(4)))
    assert second <= first


def test_calls_beyond_the_processes_wait_a_moment_and_then_get_one(cloud: Cloud) -> None:
    name = functions.create(cloud, SLEEPER)
    many = 4 * (os.cpu_count() or 1) + 2
    with ThreadPoolExecutor(many) as threads:
        pids = list(threads.map(lambda _: functions.invoke(cloud, name, 6), range(many)))
    assert len(set(pids)) == many


def test_reserved_concurrency_refuses_what_is_more_by_alias_too(cloud: Cloud) -> None:
    name = functions.create(cloud, SLEEPER)
    client = cloud.client("lambda")
    version = client.publish_version(FunctionName=name)["Version"]
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)

    def call(_: int) -> str:
        try:
            return str(functions.invoke(cloud, name, 3.0, Qualifier="live"))
        except client.exceptions.TooManyRequestsException:
            return "refused"
        except cloud.client("lambda").exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(call, range(4)))
    refused = [answer for answer in answers if not answer.isdigit()]
    assert len(refused) == 2, answers


def test_a_killed_process_is_replaced(cloud: Cloud) -> None:
    name = functions.create(cloud, SLEEPER)
    pid = functions.invoke(cloud, name, 0)
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    assert functions.invoke(cloud, name, 0) != pid


def test_processes_end_with_the_server_however_it_ends(own_cloud: Cloud) -> None:
    own_cloud.run("up")
    name = functions.create(own_cloud, SLEEPER)
    pid = functions.invoke(own_cloud, name, 0)
    server = json.loads((own_cloud.state_dir / "server.json").read_text())["pid"]
    os.kill(server, signal.SIGKILL)

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    if sys.platform == "linux":
        wait_until(gone, seconds=10)


# ---- packages for another Python

OTHER = "cpython-399-x86_64-linux-gnu.so"


def compiled_distribution() -> importlib.metadata.Distribution:
    """An installed distribution with compiled modules."""
    return importlib.metadata.distribution("cel-expr-python")


def packed(version: str | None = None, left_out: str = "cel_expr_python/ext/") -> dict[str, str | bytes]:
    """The installed distribution's files as its wheel for another Python would have them."""
    own = importlib.metadata.PackagePath
    files: dict[str, str | bytes] = {}
    distribution = compiled_distribution()
    version = version or distribution.version
    information = f"cel_expr_python-{version}.dist-info"
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0].lstrip(".")
    record: list[str] = []
    for file in distribution.files or []:
        name = str(own(file))
        if name.startswith(("..", left_out)) or ".dist-info" in name or name.endswith(".pyc"):
            continue
        renamed = name.replace(suffix, OTHER)
        files[renamed] = b"\x7fELF not for this Python" if renamed != name else Path(str(file.locate())).read_bytes()
        record.append(f"{renamed},,")
    files[f"{information}/METADATA"] = f"Metadata-Version: 2.1\nName: cel-expr-python\nVersion: {version}\n"
    files[f"{information}/RECORD"] = "\n".join(record)
    assert any(name.endswith(OTHER) for name in files)
    return files


def test_modules_for_another_python_are_replaced_by_the_same_version_installed_here(cloud: Cloud) -> None:
    source = """
from cel_expr_python import cel

def handler(event, context):
    return [cel.__file__, cel.__name__]
"""
    found = functions.invoke(cloud, functions.create(cloud, {"index.py": source, **packed()}))
    assert importlib.machinery.EXTENSION_SUFFIXES[0] in found[0]
    assert "/task/" in found[0]


def test_what_the_package_leaves_out_stays_out(tmp_path: Path) -> None:
    for name, content in packed().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code.replace_foreign(tmp_path, "x")
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.so")]
    assert left
    assert all(importlib.machinery.EXTENSION_SUFFIXES[0] in name for name in left)
    assert not (tmp_path / "cel_expr_python" / "ext").exists()


def test_another_version_than_the_installed_one_is_an_error_that_names_the_remedy(cloud: Cloud) -> None:
    installed = compiled_distribution().version
    name = functions.create(cloud, {"index.py": "def handler(event, context): pass", **packed("0.0.1")})
    found = functions.failure(cloud, name)
    assert found["errorType"] == "Runtime.ImportModuleError"
    for word in (name, "cel-expr-python 0.0.1", f"cel-expr-python {installed}", "pip install cel-expr-python==0.0.1"):
        assert word in found["errorMessage"]


def test_a_distribution_that_is_not_installed_is_an_error_too(tmp_path: Path) -> None:
    information = tmp_path / "absent_thing-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: absent-thing\nVersion: 1.0\n")
    (information / "RECORD").write_text(f"absent_thing.{OTHER},,\n")
    (tmp_path / f"absent_thing.{OTHER}").write_bytes(b"\x7fELF")
    with pytest.raises(InitError, match="has no absent-thing to put in its place"):
        code.replace_foreign(tmp_path, "x")


def test_modules_that_this_python_can_load_are_kept(tmp_path: Path) -> None:
    own = next(Path(str(file.locate())) for file in compiled_distribution().files or [] if str(file).endswith(".so"))
    for name, loadable in [
        ("module.abi3.so", True),
        ("module.so", True),
        (f"module{importlib.machinery.EXTENSION_SUFFIXES[0]}", True),
        (f"module.{OTHER}", False),
    ]:
        path = tmp_path / name
        path.write_bytes(own.read_bytes()[:64])
        assert code.loadable(path) is loadable, name
    (tmp_path / "module.so").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(60))
    assert not code.loadable(tmp_path / "module.so")
