"""CloudFormation: the resource types that ministack lacks, and the properties that it drops."""
