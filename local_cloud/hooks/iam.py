"""IAM enforcement (``AUTH=true``): the actions of the services that this package adds."""


def register(service: str, namespace: str, rest_models: tuple[str, ...] = ()) -> None:
    """Let policies decide on a service's actions.

    Args:
        service: name under which the service was added.
        namespace: prefix of its actions in policies.
        rest_models: botocore models whose paths name the action where no X-Amz-Target header does.
    """
    from ministack.core import iam_actions

    iam_actions.SERVICE_TO_IAM_NAMESPACE[service] = namespace
    iam_actions._SERVICE_PROTOCOL[service] = "json"
    if rest_models:
        iam_actions._BOTOCORE_SERVICE_MAP[service] = list(rest_models)
