"""CloudFormation's resource types: registering new ones, and completing those that ministack only half applies."""

import copy
from collections.abc import Callable
from typing import Any

Properties = dict[str, Any]
# (logical id, properties, stack name) -> (physical id, attributes)
Create = Callable[[str, Properties, str], tuple[str, dict[str, Any]]]
# (physical id, old properties, new properties, stack name, logical id) -> (physical id, attributes)
Update = Callable[[str, Properties, Properties, str, str], tuple[str, dict[str, Any]]]
# (physical id, properties)
Delete = Callable[[str, Properties], None]

_blocking: set[str] = set()


def install() -> None:
    """Let the registered types run on worker threads, because their handlers wait and call the server itself."""
    from ministack.services.cloudformation import stacks

    before = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type in _blocking or before(resource_type)


def physical_name(stack_name: str, logical_id: str, longest: int) -> str:
    """The generated name of a resource without one: stable over updates, new for a replacement."""
    from ministack.services.cloudformation import provisioners

    return provisioners._physical_name(stack_name, logical_id, max_len=longest)


def register(
    resource_type: str,
    *,
    create: Create,
    update: Update,
    delete: Delete,
    create_only: tuple[str, ...] = (),
    name_property: str | None = None,
    tagged: bool = False,
    tag_property: str = "Tags",
) -> None:
    """Add a resource type.

    Args:
        create_only: top-level properties whose change replaces the resource.
        name_property: the property that fixes the physical name; replacing a resource that has it is refused.
        tagged: stack-level tags and CloudFormation's own are merged into ``tag_property``.
    """
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS[resource_type] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }
    provisioners._REPLACING_PROPERTIES[resource_type] = create_only
    if name_property:
        provisioners._CUSTOM_NAME_REPLACEMENT[resource_type] = {"name": name_property}
    if tagged:
        provisioners._STACK_TAG_PROPERTY[resource_type] = (tag_property, "list")
    _blocking.add(resource_type)


def extend(
    resource_type: str,
    apply: Callable[[str, Properties, Properties], None],
    before_delete: Callable[[str, Properties], None] | None = None,
) -> None:
    """Complete a type of ministack's: ``apply(physical id, old properties, new properties)`` follows its handler.

    ``old`` is empty for a new resource. An error of ``apply`` on a new resource deletes the resource again, as a
    failed create does on AWS.
    """
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update, delete = handlers["create"], handlers.get("update"), handlers["delete"]
    with_logical_id = handlers.get("update_with_logical_id", False)

    def create_and_apply(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, Any]]:
        # The services keep what they are given: what is applied later must not change the stack's own record of it.
        physical_id, attributes = create(logical_id, copy.deepcopy(properties), stack_name)
        try:
            apply(physical_id, {}, properties)
        except Exception:
            delete(physical_id, properties, *([logical_id] if handlers.get("delete_with_logical_id") else []))
            raise
        return physical_id, attributes

    def update_and_apply(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str
    ) -> tuple[str, dict[str, Any]]:
        if update is None:
            changed = create(logical_id, copy.deepcopy(new), stack_name)
        elif with_logical_id:
            changed = update(physical_id, old, copy.deepcopy(new), stack_name, logical_id)
        else:
            changed = update(physical_id, old, copy.deepcopy(new), stack_name)
        apply(changed[0], old if changed[0] == physical_id else {}, new)
        return changed

    def checked_delete(physical_id: str, properties: Properties, *rest: Any) -> None:
        if before_delete:
            before_delete(physical_id, properties)
        delete(physical_id, properties, *rest)

    handlers.update(
        create=create_and_apply, update=update_and_apply, update_with_logical_id=True, delete=checked_delete
    )
    _blocking.add(resource_type)


def registered_types() -> list[str]:
    """Every resource type that can be deployed."""
    from ministack.services.cloudformation import provisioners

    return sorted(provisioners._RESOURCE_HANDLERS)
