"""Who may do what: one table. Every route names one permission, every service checks through it."""

from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    MANAGER = "manager"
    AUDITOR = "auditor"


class Permission(StrEnum):
    VIEW_DASHBOARD = "view dashboard"
    VIEW_SCHEDULES = "view schedules"
    MANAGE_SCHEDULES = "manage schedules"
    VIEW_DATASETS = "view datasets"
    MANAGE_DATASETS = "manage datasets"
    VIEW_REPORTS = "view reports"
    MANAGE_REPORTS = "manage reports"
    VIEW_RUNS = "view runs"
    START_RUNS = "start runs"
    CANCEL_RUNS = "cancel runs"
    DOWNLOAD_FILES = "download files"
    VIEW_FAILED_RUNS = "view failed runs"
    MEND_RUNS = "mend runs"
    VIEW_ALERTS = "view alerts"
    ACKNOWLEDGE_ALERTS = "acknowledge alerts"
    REVOKE_LINKS = "revoke links"
    VIEW_AUDIT_TRAIL = "view audit trail"
    MANAGE_ORGANIZATION = "manage the organization"
    REASSIGN_SCHEDULES = "reassign schedules"
    APPROVE_PERSONAL_DATA = "approve that personal data leaves the organization"


_READ = frozenset(
    {
        Permission.VIEW_DASHBOARD,
        Permission.VIEW_SCHEDULES,
        Permission.VIEW_DATASETS,
        Permission.VIEW_REPORTS,
        Permission.VIEW_RUNS,
        Permission.DOWNLOAD_FILES,
        Permission.VIEW_ALERTS,
    }
)

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.MANAGER: _READ
    | {
        Permission.MANAGE_SCHEDULES,
        Permission.MANAGE_REPORTS,
        Permission.START_RUNS,
        Permission.CANCEL_RUNS,
        Permission.MEND_RUNS,
        Permission.ACKNOWLEDGE_ALERTS,
        Permission.REVOKE_LINKS,
    },
    Role.AUDITOR: _READ | {Permission.VIEW_AUDIT_TRAIL},
}


def allows(role: Role, permission: Permission) -> bool:
    """Say whether a role holds a permission."""
    return permission in GRANTS[role]
