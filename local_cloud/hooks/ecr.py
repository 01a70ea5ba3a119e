"""ECR: asking for an image that is not there is an error, by which the CDK CLI knows that it has to be pushed."""

from typing import Any


def install() -> None:
    from ministack.services import ecr

    describe = ecr._describe_images

    def describe_images(data: dict[str, Any]) -> Any:
        name = data.get("repositoryName", "")
        missing = [wanted for wanted in data.get("imageIds") or [] if not ecr._find_image(name, wanted)]
        if name in ecr._repositories and missing:
            wanted = ", ".join(f"{key}:'{value}'" for key, value in sorted(missing[0].items()))
            message = f"The image with imageId {{{wanted}}} does not exist within the repository with name '{name}'"
            return ecr.error_response_json("ImageNotFoundException", message, 400)
        return describe(data)

    ecr._describe_images = describe_images
