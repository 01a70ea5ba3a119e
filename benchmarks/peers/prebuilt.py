"""The prebuilt XGBoost container's application: AWS's toolkit (Flask) around this project's handlers, for gunicorn.

It is `sagemaker_xgboost_container.serving.main` without algorithm mode, because that package is not on PyPI.
"""

import collections
import collections.abc
import os
import sys

# The toolkit is older than Python 3.10; the container patches it.
for _name in ("Mapping", "MutableMapping", "Sequence", "Iterable"):
    setattr(collections, _name, getattr(collections.abc, _name))
sys.path.insert(0, os.environ["SUBMIT_DIRECTORY"])

import inference  # noqa: E402
from sagemaker_containers import _env  # noqa: E402
from sagemaker_containers.beta.framework import transformer, worker  # noqa: E402

_env.model_dir = os.environ["MODEL_DIR"]
_application = None


def main(environ, start_response):
    """WSGI entry: the model is loaded by the first request of each worker, as in the container."""
    global _application
    if _application is None:
        user = transformer.Transformer(model_fn=inference.model_fn, transform_fn=inference.transform_fn)
        user.initialize()
        _application = worker.Worker(transform_fn=user.transform, module_name="inference")
    return _application(environ, start_response)
