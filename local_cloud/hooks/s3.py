"""S3 where ministack's differs from AWS's: an upload that asks for aws:kms without naming a key gets the account's own,
and URLs that were signed in Signature Version 2, boto3's default in some regions, expire whoever signed them."""

import time
from typing import Any


def install() -> None:
    from ministack.core import iam_evaluator, responses
    from ministack.services import s3

    resolve = s3._resolve_sse_write_headers

    def resolve_sse_write_headers(headers: dict[str, str], bucket_name: str) -> tuple:
        key = "x-amz-server-side-encryption-aws-kms-key-id"
        if headers.get("x-amz-server-side-encryption") == "aws:kms" and not headers.get(key):
            managed = f"arn:aws:kms:{responses.get_region()}:{responses.get_account_id()}:alias/aws/s3"
            headers = {**headers, key: managed}
        return resolve(headers, bucket_name)

    s3._resolve_sse_write_headers = resolve_sse_write_headers
    verify = s3._verify_presigned_sigv4

    def verify_presigned(method: str, path: str, headers: dict[str, str], query: dict[str, Any]) -> tuple | None:
        expires = s3._qp(query, "Expires", "")
        signed = s3._qp(query, "AWSAccessKeyId", "") and s3._qp(query, "Signature", "")
        if signed and not (expires.isdigit() and int(expires) >= time.time()):
            return s3._error("AccessDenied", "Request has expired", 403, path)
        return verify(method, path, headers, query)

    s3._verify_presigned_sigv4 = verify_presigned
    check = iam_evaluator._sigv2_check

    def check_sigv2(request: Any, account: str) -> Any:
        found = check(request, account)
        # The code that ministack gives would be told as a wrong signature.
        expired = getattr(found, "message", "") == "Request has expired"
        return iam_evaluator.AuthError("RequestExpired", found.message) if expired else found

    iam_evaluator._sigv2_check = check_sigv2
