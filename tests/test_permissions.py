"""Who may do what, spelled out: a change of the table must be a change of this one."""

import pytest

from portal.permissions import Permission, Role, allows

EVERYBODY = {Role.ADMIN, Role.MANAGER, Role.AUDITOR}
WHO = {
    Permission.VIEW_DASHBOARD: EVERYBODY,
    Permission.VIEW_SCHEDULES: EVERYBODY,
    Permission.MANAGE_SCHEDULES: {Role.ADMIN, Role.MANAGER},
    Permission.VIEW_DATASETS: EVERYBODY,
    Permission.MANAGE_DATASETS: {Role.ADMIN},
    Permission.VIEW_REPORTS: EVERYBODY,
    Permission.MANAGE_REPORTS: {Role.ADMIN, Role.MANAGER},
    Permission.VIEW_RUNS: EVERYBODY,
    Permission.START_RUNS: {Role.ADMIN, Role.MANAGER},
    Permission.DOWNLOAD_FILES: EVERYBODY,
    Permission.VIEW_FAILED_RUNS: {Role.ADMIN},
    Permission.MEND_RUNS: {Role.ADMIN, Role.MANAGER},
    Permission.VIEW_ALERTS: EVERYBODY,
    Permission.ACKNOWLEDGE_ALERTS: {Role.ADMIN, Role.MANAGER},
    Permission.CANCEL_RUNS: {Role.ADMIN, Role.MANAGER},
    Permission.REVOKE_LINKS: {Role.ADMIN, Role.MANAGER},
    Permission.VIEW_AUDIT_TRAIL: {Role.ADMIN, Role.AUDITOR},
    Permission.MANAGE_ORGANIZATION: {Role.ADMIN},
    Permission.REASSIGN_SCHEDULES: {Role.ADMIN},
    Permission.APPROVE_PERSONAL_DATA: {Role.ADMIN},
}


def test_it_lists_every_permission() -> None:
    assert set(WHO) == set(Permission)


@pytest.mark.parametrize("permission", list(Permission))
@pytest.mark.parametrize("role", list(Role))
def test_it_allows_what_the_table_says(role: Role, permission: Permission) -> None:
    assert allows(role, permission) is (role in WHO[permission])
