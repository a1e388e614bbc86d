"""What `--dry-run` says: names, connections, identifiers and files, never a value."""

from __future__ import annotations

from scalekit_exec.cli.terminal import VERSION, columns, table
from scalekit_exec.errors import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.model import ServiceMap, Wanted

__all__ = ["text"]


def text(service_map: ServiceMap, wanted: Sequence[Wanted], *, as_json: bool) -> str:
    """Return the plan of a launch for people, or as one JSON object."""
    if as_json:
        import json

        services = [
            {
                "service": service.service.name,
                "connection_name": service.service.connection_name,
                "identifier": service.identifier,
                "variables": [variable.name for variable in service.variables],
                "required": service.service.required,
                "origin": service.service.origin,
            }
            for service in wanted
        ]
        plan = {"version": VERSION, "services": services, "files": list(service_map.files)}
        return json.dumps(plan)  # ASCII: stdout may take nothing else
    header = ("VARIABLE", "SERVICE", "CONNECTION", "IDENTIFIER")
    rows = [
        (
            variable.name,
            service.service.name + ("" if service.service.required else " (optional)"),
            shown(service.service.connection_name),
            shown(service.identifier),
        )
        for service in wanted
        for variable in service.variables
    ]
    files = [f"read {shown(path, 400)}" for path in service_map.files] or ["no map was read"]
    return "\n".join([*(table(header, rows) or columns([header])), "", *files])
