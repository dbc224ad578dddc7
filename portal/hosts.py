"""Which hosts people may have the portal connect to, and at which addresses: those that were checked.

A portal stands inside a network, and whoever may name a host could have it look around there. So only public
addresses are open; whatever else there is must be named by the operator. The name is resolved once, here: a
second answer of the name server, another one than was checked, is never asked for.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import PurePosixPath
from typing import Self

from portal.errors import InvalidInput, SourceUnavailable

SETTING = "PORTAL_SOURCE_HOSTS"

# RFC 6890, much of which earlier Pythons take for public; and where Azure's machines ask about themselves.
_RESERVED = (ip_network("192.0.0.0/24"), ip_network("168.63.129.16/32"))
_PUBLIC_V6 = ip_network("2000::/3")  # all that is given out (IANA, IPv6 address space)
_EMBEDDED_V4 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))  # RFC 6052, RFC 8215


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """What an operator opens to sources beside public addresses."""

    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    folders: tuple[PurePosixPath, ...] = ()

    @classmethod
    def parse(cls, entries: Sequence[str]) -> Self:
        """Read names (`db.internal`), networks (`10.0.0.0/8`), addresses, and folders of unix sockets.

        Raises ValueError for anything else.
        """
        names, networks, folders = set(), [], []
        for entry in entries:
            if entry.startswith("/"):
                folders.append(PurePosixPath(entry))
            elif "/" in entry or _is_address(entry):
                networks.append(ip_network(entry))
            elif all(part and part.replace("-", "").replace("_", "").isalnum() for part in entry.split(".")):
                names.add(entry.lower())
            else:
                raise ValueError(f"{entry!r} is no host, network or folder of a socket")
        return cls(frozenset(names), tuple(networks), tuple(folders))

    def has_folder(self, folder: str) -> bool:
        """Whether the folder of a unix socket is allowed."""
        path = PurePosixPath(folder)
        return ".." not in path.parts and any(path.is_relative_to(known) for known in self.folders)

    def has_name(self, host: str) -> bool:
        return host.lower().rstrip(".") in self.names

    def has_address(self, address: str) -> bool:
        """Whether an address is allowed, or open to all the world."""
        found = _plain(ip_address(address))
        inside = any(found in network for network in self.networks if network.version == found.version)
        return inside or is_public(found)


PUBLIC_ONLY = AllowedHosts()
EVERYWHERE = AllowedHosts.parse(["0.0.0.0/0", "::/0", "/"])


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is open to all the world: no private, loopback, link-local or metadata one."""
    found = _plain(address)
    if isinstance(found, IPv6Address) and found not in _PUBLIC_V6:
        return False
    reserved = any(found in network for network in _RESERVED if network.version == found.version)
    return found.is_global and not found.is_multicast and not reserved


def addresses_of(host: str, port: int, allowed: AllowedHosts) -> tuple[str, ...]:
    """Return the addresses of a host, all of which a source may be on.

    Raises SourceUnavailable when nobody knows the host, and InvalidInput, on field `host`, unless each of its
    addresses is public or allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):  # UnicodeError: a label of a name is too long
        raise SourceUnavailable(f"The data source did not answer: nobody knows the host “{host}”.") from None
    addresses = tuple(dict.fromkeys(str(place[0]) for *_, place in found))
    if not allowed.has_name(host):
        for address in addresses:
            if not allowed.has_address(address):
                at = "" if address == host else f" is at {address}, which"
                raise InvalidInput(
                    f"“{host}”{at} is not on the public internet. The operator can open it to sources:"
                    f" {SETTING}.",
                    "host",
                )
    return addresses


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, if it does; else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if any(address in network for network in _EMBEDDED_V4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
