"""What EC2 answers about networks, written as their templates would be."""

from local_cloud.coverage.readers import Client, Properties, _document, _tags


def vpc(client: Client, name: str, properties: Properties) -> Properties:
    ec2 = client("ec2")
    (found,) = ec2.describe_vpcs(VpcIds=[name])["Vpcs"]
    attributes = {
        member: ec2.describe_vpc_attribute(VpcId=name, Attribute=attribute)[member]["Value"]
        for member, attribute in (
            ("EnableDnsHostnames", "enableDnsHostnames"),
            ("EnableDnsSupport", "enableDnsSupport"),
        )
    }
    return {**found, **attributes, "Tags": _tags(found.get("Tags", []))}


def subnet(client: Client, name: str, properties: Properties) -> Properties:
    (found,) = client("ec2").describe_subnets(SubnetIds=[name])["Subnets"]
    return found


def route_table(client: Client, name: str, properties: Properties) -> Properties:
    (found,) = client("ec2").describe_route_tables(RouteTableIds=[name])["RouteTables"]
    return found


def route_table_association(client: Client, name: str, properties: Properties) -> Properties:
    tables = client("ec2").describe_route_tables(RouteTableIds=[properties["RouteTableId"]])["RouteTables"]
    return next(
        (one for table in tables for one in table["Associations"] if one["RouteTableAssociationId"] == name), {}
    )


def endpoint(client: Client, name: str, properties: Properties) -> Properties:
    (found,) = client("ec2").describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"]
    return {
        **found,
        "PolicyDocument": _document(found.get("PolicyDocument")),
        "SecurityGroupIds": [group["GroupId"] for group in found.get("Groups", [])],
    }


def flow_log(client: Client, name: str, properties: Properties) -> Properties:
    (found,) = client("ec2").describe_flow_logs(FlowLogIds=[name])["FlowLogs"]
    return {**found, "ResourceType": "VPC" if found["ResourceId"].startswith("vpc-") else None}


def security_group(client: Client, name: str, properties: Properties) -> Properties:
    found = _group(client, name)
    return {
        **found,
        "GroupDescription": found["Description"],
        "SecurityGroupIngress": _rules(found["IpPermissions"], "Source"),
        "SecurityGroupEgress": _rules(found["IpPermissionsEgress"], "Destination"),
    }


def ingress(client: Client, rule: str, properties: Properties) -> Properties:
    return _same(_rules(_group(client, properties["GroupId"])["IpPermissions"], "Source"), properties)


def egress(client: Client, rule: str, properties: Properties) -> Properties:
    return _same(_rules(_group(client, properties["GroupId"])["IpPermissionsEgress"], "Destination"), properties)


def closed_default_group(client: Client, physical_id: str, properties: Properties) -> Properties:
    """The group's id, where it has no rule."""
    found = _group(client, properties["GroupId"])
    closed = not found["IpPermissions"] and not found["IpPermissionsEgress"]
    return {"GroupId": found["GroupId"] if closed else None}


def web_acl(client: Client, physical_id: str, properties: Properties) -> Properties:
    name, uid, scope = physical_id.split("|")
    found = client("wafv2").get_web_acl(Name=name, Scope=scope, Id=uid)["WebACL"]
    tags = client("wafv2").list_tags_for_resource(ResourceARN=found["ARN"])["TagInfoForResource"]["TagList"]
    return {**found, "Scope": scope, "Tags": tags}


def web_acl_association(client: Client, physical_id: str, properties: Properties) -> Properties:
    resource = properties["ResourceArn"]
    return {
        "ResourceArn": resource,
        "WebACLArn": client("wafv2").get_web_acl_for_resource(ResourceArn=resource)["WebACL"]["ARN"],
    }


def web_acl_logging(client: Client, arn: str, properties: Properties) -> Properties:
    return client("wafv2").get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"]


def _group(client: Client, name: str) -> Properties:
    (found,) = client("ec2").describe_security_groups(GroupIds=[name])["SecurityGroups"]
    return found


def _rules(permissions: list[Properties], side: str) -> list[Properties]:
    """Each address range, prefix list and group of permissions as a rule of its own."""
    rules = []
    for permission in permissions:
        common = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
        for member, key, name in (
            ("IpRanges", "CidrIp", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId", f"{side}PrefixListId"),
            ("UserIdGroupPairs", "GroupId", f"{side}SecurityGroupId"),
        ):
            for entry in permission.get(member, []):
                rules.append({**common, name: entry[key], "Description": entry.get("Description")})
    return rules


def _same(rules: list[Properties], properties: Properties) -> Properties:
    """The rule that says what the properties say, or nothing."""
    wanted = {key: str(value) for key, value in properties.items() if key not in ("GroupId", "Description")}
    for rule in rules:
        if {key: str(value) for key, value in rule.items() if key in wanted} == wanted:
            return {**rule, "GroupId": properties["GroupId"]}
    return {}
