"""Entry of the serving process: ``python3 <this folder> --model-dir /opt/ml/model``."""

import importlib.util
import sys
from pathlib import Path

# The model's code must find on sys.path what its container would offer, and neither this folder nor the repository.
_HERE = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]
_SPEC = importlib.util.spec_from_file_location(
    "local_cloud_serving", _HERE / "__init__.py", submodule_search_locations=[str(_HERE)]
)
_PACKAGE = importlib.util.module_from_spec(_SPEC)
sys.modules["local_cloud_serving"] = _PACKAGE
_SPEC.loader.exec_module(_PACKAGE)

from local_cloud_serving.server import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
