"""Write stacks/images.json: the account that holds each AWS container image, region by region.

Usage: python -m scripts.generate_image_table   (needs `pip install sagemaker-core`, which a synth does not:
importing it takes seconds, so its answers are kept in a small file that is reviewed like code).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "stacks" / "images.json"

# name in the platform: (framework of sagemaker-core, its version, image scope, instance type it runs on)
IMAGES = {
    "xgboost": ("xgboost", "3.2-0", "training", "ml.m5.xlarge"),
    "model-monitor-analyzer": ("model-monitor", None, None, None),
    "clarify-processing": ("clarify", "1.0", "processing", None),
}


def regions_of(framework: str, version: str | None, scope: str | None) -> list[str]:
    """Return every region for which sagemaker-core knows an account of the image."""
    from sagemaker.core import image_uris

    settings = image_uris.config_for_framework(framework)
    settings = settings.get(scope, settings) if scope else settings
    versions = settings["versions"]
    return sorted(versions[version or next(iter(versions))]["registries"])


def build_table() -> dict[str, dict[str, str]]:
    """Return {image: {region: full image URI}} for IMAGES."""
    from sagemaker.core import image_uris

    return {
        name: {
            region: image_uris.retrieve(
                framework, region, version=version, image_scope=scope, instance_type=instance_type
            )
            for region in regions_of(framework, version, scope)
        }
        for name, (framework, version, scope, instance_type) in IMAGES.items()
    }


def main() -> int:
    """Write the table; 1 when sagemaker-core is not installed."""
    try:
        table = build_table()
    except ImportError:
        print("sagemaker-core is not installed: pip install sagemaker-core, then run this again", file=sys.stderr)
        return 1
    TABLE.write_text(json.dumps(table, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for name, regions in table.items():
        print(f"{name}: {len(regions)} regions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
