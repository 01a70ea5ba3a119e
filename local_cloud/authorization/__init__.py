"""Who acts, and whether they may: with AUTH=true jobs, functions, endpoints, executions and stacks act as their roles.

ministack decides on requests that arrive over HTTP. What the server does on a customer's behalf has no such request:
a job reading S3, a state machine starting a job, CloudFormation making an endpoint. ``acting_as`` names the role for
such work; clients then sign with a session of the role, and ``demand`` asks its policies where no request is made.
"""

from local_cloud.authorization.principal import Refused, acting_as, acting_role, demand
from local_cloud.hooks.iam import enforced

__all__ = ["Refused", "acting_as", "acting_role", "demand", "enforced"]
