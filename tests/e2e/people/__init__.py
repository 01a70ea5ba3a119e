"""What each persona can do and cannot, as calls: (service, operation, arguments), and what AWS says to a call that may
be made and comes to nothing. Texts in arguments are filled in from `Place`."""

from tests.e2e.people import analyst, auditor, engineer, scientist

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KmsAccessDeniedException")
_MODULES = {"platform-engineer": engineer, "data-scientist": scientist, "analyst": analyst, "auditor": auditor}
PERSONAS = tuple(_MODULES)
CAN = {name: module.CAN for name, module in _MODULES.items()}
CANNOT = {name: module.CANNOT for name, module in _MODULES.items()}
