"""S3: an upload that asks for aws:kms without naming a key gets the account's own key, as on AWS."""


def install() -> None:
    from ministack.core import responses
    from ministack.services import s3

    resolve = s3._resolve_sse_write_headers

    def resolve_sse_write_headers(headers: dict[str, str], bucket_name: str) -> tuple:
        key = "x-amz-server-side-encryption-aws-kms-key-id"
        if headers.get("x-amz-server-side-encryption") == "aws:kms" and not headers.get(key):
            managed = f"arn:aws:kms:{responses.get_region()}:{responses.get_account_id()}:alias/aws/s3"
            headers = {**headers, key: managed}
        return resolve(headers, bucket_name)

    s3._resolve_sse_write_headers = resolve_sse_write_headers
