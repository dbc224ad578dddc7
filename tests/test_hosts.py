"""What a portal may connect to for people: public addresses, and what the operator named (A7)."""

import socket
from ipaddress import ip_address

import pytest

from portal.errors import InvalidInput, SourceUnavailable
from portal.hosts import EVERYWHERE, PUBLIC_ONLY, SETTING, AllowedHosts, addresses_of, is_public


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),  # noqa: S104
        *("169.254.169.254", "100.64.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
        *("::7f00:1", "::ffff:0:7f00:1", "fec0::1", "5f00::1", "168.63.129.16"),
        *("::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "2002:7f00:1::",
            "::7f00:1",
            "::ffff:0:7f00:1",
            "fec0::1",
            "5f00::1",
            "168.63.129.16",
            "64:ff9b::a9fe:a9fe",
        ),
    ],
)
def test_no_address_within_is_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_others_are(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0", "127.1", "2130706433"])  # noqa: S104
def test_it_refuses_what_is_within_however_it_is_written(host: str) -> None:
    with pytest.raises(InvalidInput, match=SETTING) as refused:
        addresses_of(host, 5432, PUBLIC_ONLY)

    assert refused.value.field == "host"


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.0/8", "localhost", "LOCALHOST"])
def test_it_takes_what_the_operator_named(allowed: str) -> None:
    host = "localhost" if allowed.isalpha() else "127.0.0.1"

    assert "127.0.0.1" in addresses_of(host, 5432, AllowedHosts.parse([allowed, "::1"]))


def test_one_wrong_address_of_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that is somebody's own may answer with a public address and one within."""

    def both(host: str, port: int, **_: object) -> list[object]:
        found = ("93.184.215.14", "10.0.0.5")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", both)

    with pytest.raises(InvalidInput, match=r"“two.example” is at 10\.0\.0\.5, which is not on the public"):
        addresses_of("two.example", 5432, PUBLIC_ONLY)
    assert addresses_of("two.example", 5432, EVERYWHERE) == ("93.184.215.14", "10.0.0.5")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 80 + ".example"])
def test_it_says_that_nobody_knows_a_host(host: str) -> None:
    with pytest.raises(SourceUnavailable, match="nobody knows the host"):
        addresses_of(host, 5432, EVERYWHERE)


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("/run/postgresql", True),
        ("/run/postgresql/14", True),
        ("/run/postgresqlx", False),
        ("/run/postgresql/../secret", False),
        ("/", False),
    ],
)
def test_it_opens_folders_of_sockets(folder: str, allowed: bool) -> None:
    assert AllowedHosts.parse(["/run/postgresql"]).has_folder(folder) is allowed


@pytest.mark.parametrize(
    "entry", ["10.0.0.1/8", "db example", "http://db.example", "db..example", "*.example"]
)
def test_it_refuses_entries_that_mean_nothing(entry: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        AllowedHosts.parse([entry])
