"""What a function's process is given beyond its code: AWS's environment variables, and boto3 to import.

AWS's runtime for Python has boto3 and what it needs on sys.path. The server's own environment has far more, none of
which a function may find, so a folder with links to just those distributions stands for the runtime's.
"""

import importlib.metadata
import re
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from local_cloud import config
from local_cloud.functions.function import Function

# Names that a function's configuration cannot set on AWS.
_RESERVED = re.compile(r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_\w+|LAMBDA_\w+")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_lock = threading.Lock()


def command(bootstrap: Path, options: str) -> list[str]:
    """The interpreter without site-packages and without the bootstrap's folder on sys.path."""
    return [sys.executable, "-P", "-s", "-S", str(bootstrap), options]


def packages() -> Path:
    """Folder with boto3 and its dependencies, made when it is first needed."""
    folder = config.current().jobs_dir / "functions" / "runtime"
    with _lock:
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=folder.parent))
            try:
                for distribution in _with_dependencies("boto3", {}).values():
                    _link(distribution, partial)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder


def _with_dependencies(
    name: str, found: dict[str, importlib.metadata.Distribution]
) -> dict[str, importlib.metadata.Distribution]:
    if name not in found:
        found[name] = importlib.metadata.distribution(name)
        for requirement in found[name].requires or []:
            needed, _, condition = requirement.partition(";")
            if "extra" not in condition and (match := re.match(r"[\w.-]+", needed)):
                _with_dependencies(re.sub(r"[-_.]+", "-", match[0]).lower(), found)
    return found


def _link(distribution: importlib.metadata.Distribution, folder: Path) -> None:
    tops = {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        (folder / top).symlink_to(Path(str(distribution.locate_file(top))).resolve())


def environment(function: Function, task: Path, log_stream: str) -> dict[str, str]:
    """All variables of a function's process; nothing of the server's own environment is passed on."""
    settings = config.current()
    given = {name: value for name, value in function.variables.items() if not _RESERVED.fullmatch(name)}
    return {
        # None of these is AWS's: where the local cloud is, and that no developer's configuration is read instead.
        "AWS_ENDPOINT_URL": settings.endpoint_url,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": f"{_SYSTEM_PATH}:/opt/bin",
        "LD_LIBRARY_PATH": f"{task}:{task / 'lib'}",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **{name: value for name, value in function.credentials().items() if value},
        **given,
        "_HANDLER": function.handler,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "LAMBDA_TASK_ROOT": str(task),
        "LAMBDA_RUNTIME_DIR": str(packages()),
    }
