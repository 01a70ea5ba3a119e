"""What the services answer about tables, functions and REST APIs, written as their templates would be."""

from local_cloud.coverage.readers import Client, Properties, _document, _pascal, _tags


def table(client: Client, name: str, properties: Properties) -> Properties:
    dynamodb = client("dynamodb")
    found = dynamodb.describe_table(TableName=name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    encryption = found.get("SSEDescription", {})
    return {
        **found,
        "BillingMode": found.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "PointInTimeRecoverySpecification": {
            "PointInTimeRecoveryEnabled": recovery.get("PointInTimeRecoveryStatus") == "ENABLED"
        },
        "SSESpecification": {
            "SSEEnabled": encryption.get("Status") == "ENABLED",
            "SSEType": encryption.get("SSEType"),
            "KMSMasterKeyId": encryption.get("KMSMasterKeyArn"),
        },
        "TimeToLiveSpecification": {
            "AttributeName": expiry.get("AttributeName"),
            "Enabled": expiry.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"),
        },
        "Tags": _tags(dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]),
    }


def function(client: Client, name: str, properties: Properties) -> Properties:
    api = client("lambda")
    found = api.get_function_configuration(FunctionName=name)
    described = api.get_function(FunctionName=name)
    reserved = api.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    return {
        **found,
        "KmsKeyArn": found.get("KMSKeyArn"),
        "ReservedConcurrentExecutions": reserved,
        # The code's place is not remembered, on AWS neither: that there is code is what can be seen.
        "Code": properties["Code"] if found.get("CodeSize") else None,
        "Tags": [{"Key": key, "Value": value} for key, value in described.get("Tags", {}).items()],
    }


def version(client: Client, arn: str, properties: Properties) -> Properties:
    found = client("lambda").get_function_configuration(FunctionName=arn)
    return {**found, "Description": found.get("Description")}


def alias(client: Client, arn: str, properties: Properties) -> Properties:
    name, _, alias_name = arn.rpartition(":")
    return {
        **client("lambda").get_alias(FunctionName=name, Name=alias_name),
        "FunctionName": properties["FunctionName"],
    }


def permission(client: Client, statement: str, properties: Properties) -> Properties:
    """The statement of the policy of the function, version or alias that the property names."""
    name, qualifier = _qualified(properties["FunctionName"])
    policy = _document(client("lambda").get_policy(FunctionName=name, **qualifier)["Policy"])
    (found,) = [entry for entry in policy["Statement"] if entry["Sid"] == statement]
    conditions = {key.lower(): value for entry in found.get("Condition", {}).values() for key, value in entry.items()}
    return {
        "FunctionName": found["Resource"],
        "Action": found["Action"],
        "Principal": found["Principal"]["Service"],
        "SourceArn": conditions.get("aws:sourcearn"),
        "SourceAccount": conditions.get("aws:sourceaccount"),
    }


def _qualified(function_name: str) -> tuple[str, dict[str, str]]:
    """arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>] in the API's two parts."""
    parts = function_name.split(":")
    return (":".join(parts[:7]), {"Qualifier": parts[7]}) if len(parts) == 8 else (function_name, {})


def rest_api(client: Client, api_id: str, properties: Properties) -> Properties:
    found = _plain(client("apigateway").get_rest_api(restApiId=api_id))
    return {
        **_pascal(found),
        "Tags": [{"Key": key, "Value": value} for key, value in found.get("tags", {}).items()],
    }


def resource(client: Client, resource_id: str, properties: Properties) -> Properties:
    found = client("apigateway").get_resource(restApiId=properties["RestApiId"], resourceId=resource_id)
    return {**_pascal(_plain(found)), "RestApiId": properties["RestApiId"]}


def method(client: Client, physical_id: str, properties: Properties) -> Properties:
    names = {name: properties[name] for name in ("RestApiId", "ResourceId", "HttpMethod")}
    found = client("apigateway").get_method(
        restApiId=names["RestApiId"], resourceId=names["ResourceId"], httpMethod=names["HttpMethod"]
    )
    integration = found.get("methodIntegration", {})
    # Parameters and models are maps whose keys are data.
    return {
        **_capital(_plain(found)),
        **names,
        "Integration": {**_capital(integration), "IntegrationHttpMethod": integration.get("httpMethod")},
    }


def model(client: Client, name: str, properties: Properties) -> Properties:
    found = client("apigateway").get_model(restApiId=properties["RestApiId"], modelName=properties["Name"])
    return {**_capital(_plain(found)), "RestApiId": properties["RestApiId"], "Schema": _document(found["schema"])}


def request_validator(client: Client, validator_id: str, properties: Properties) -> Properties:
    found = client("apigateway").get_request_validator(
        restApiId=properties["RestApiId"], requestValidatorId=validator_id
    )
    return {**_capital(_plain(found)), "RestApiId": properties["RestApiId"]}


def gateway_response(client: Client, physical_id: str, properties: Properties) -> Properties:
    found = client("apigateway").get_gateway_response(
        restApiId=properties["RestApiId"], responseType=properties["ResponseType"]
    )
    return {**_capital(_plain(found)), "RestApiId": properties["RestApiId"]}


def deployment(client: Client, deployment_id: str, properties: Properties) -> Properties:
    found = client("apigateway").get_deployment(restApiId=properties["RestApiId"], deploymentId=deployment_id)
    return {**_capital(_plain(found)), "RestApiId": properties["RestApiId"]}


def stage(client: Client, name: str, properties: Properties) -> Properties:
    found = client("apigateway").get_stage(restApiId=properties["RestApiId"], stageName=name)
    settings = []
    for path, values in found.get("methodSettings", {}).items():
        # <resource path>/<method>; the template writes the resource's path with a slash before it.
        resource_path, _, verb = path.rpartition("/")
        settings.append({"ResourcePath": f"/{resource_path.lstrip('/')}", "HttpMethod": verb, **_capital(values)})
    logs = found.get("accessLogSettings", {})
    return {
        **_capital(_plain(found)),
        "RestApiId": properties["RestApiId"],
        "MethodSettings": settings,
        "AccessLogSetting": {"DestinationArn": logs.get("destinationArn"), "Format": logs.get("format")},
        "Tags": [{"Key": key, "Value": value} for key, value in found.get("tags", {}).items()],
    }


def account(client: Client, physical_id: str, properties: Properties) -> Properties:
    return {"CloudWatchRoleArn": client("apigateway").get_account().get("cloudwatchRoleArn")}


def usage_plan(client: Client, plan_id: str, properties: Properties) -> Properties:
    found = client("apigateway").get_usage_plan(usagePlanId=plan_id)
    return {
        **_pascal(_plain(found)),
        "UsagePlanName": found["name"],
        "Tags": [{"Key": key, "Value": value} for key, value in found.get("tags", {}).items()],
    }


def _plain(answer: Properties) -> Properties:
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _capital(value: Properties) -> Properties:
    """Members as properties are written, leaving what is in them alone."""
    return {key[0].upper() + key[1:]: item for key, item in value.items()}
