"""Which network addresses a catalogue of strangers may make this machine connect to."""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

# `is_global` of Python 3.11 calls these public. The first holds cloud metadata (Oracle), the
# second is Azure's.
_NOT_PUBLIC_V4 = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_DOCUMENTATION = IPv6Network("3fff::/20")
_NAT64 = IPv6Network("64:ff9b::/96")


class PrivateAddressError(OSError):
    """A socket was asked for towards an address that is not public.

    The message is the same for every address: when a host has several, the connector merges
    differing messages into one anonymous `OSError`.
    """

    def __init__(self, address: str) -> None:
        super().__init__("not a public address")
        self.address = address


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet.

    Loopback, private, link-local, multicast, reserved and cloud metadata addresses do not, nor
    does an IPv6 address that carries one of them (IPv4-mapped, NAT64, 6to4, Teredo), nor what is
    no address as it is written today (decimal, octal, shortened).
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return _is_public_v4(ip)
    if ip.ipv4_mapped is not None:
        return _is_public_v4(ip.ipv4_mapped)
    if ip in _NAT64:
        return _is_public_v4(IPv4Address(int(ip) & 0xFFFFFFFF))
    if ip.sixtofour is not None:
        return _is_public_v4(ip.sixtofour)
    return _is_public_v6(ip)


def _is_public_v4(ip: IPv4Address) -> bool:
    if any(ip in network for network in _NOT_PUBLIC_V4):
        return False
    return ip.is_global and not ip.is_multicast


def _is_public_v6(ip: IPv6Address) -> bool:
    # Teredo (2001::/32) is within 2001::/23, which is not global.
    return ip in _GLOBAL_UNICAST and ip.is_global and ip not in _DOCUMENTATION


def public_socket(
    info: tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]],
) -> socket.socket:
    """Open a socket towards a public address, for `aiohttp.TCPConnector(socket_factory=...)`.

    The address is the resolved one that will be connected to. So neither odd spellings of a host
    (decimal, octal, hex) nor a name that resolves differently the second time get past it.

    Raises
    ------
    PrivateAddressError
        If the address is not public.
    """
    family, kind, protocol, _, sockaddr = info
    if not is_public(sockaddr[0]):
        raise PrivateAddressError(sockaddr[0])
    return socket.socket(family, kind, protocol)


class OpenHosts:
    """Hosts that were named as trusted, wherever they are: on-premises stores, loopback.

    Parameters
    ----------
    names
        Host names or IP literals, each with or without a port: ``"images.lan"``,
        ``"127.0.0.1:8000"``, ``"::1"``, ``"[::1]:8000"``. Without a port, every port is open.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._open = {_parse(name) for name in names}

    def __contains__(self, host_and_port: tuple[str, int | None]) -> bool:
        """Whether this spelling of a host was named; other names of the same address are not."""
        host, port = host_and_port
        host = host.rstrip(".").lower()
        return (host, None) in self._open or (host, port) in self._open


def _parse(name: str) -> tuple[str, int | None]:
    is_bare_v6 = name.count(":") > 1 and not name.startswith("[")
    try:
        parts = urlsplit(f"//[{name}]" if is_bare_v6 else f"//{name}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.path or parts.username is not None:
        message = f"{name!r} is not a host to open: write HOST or HOST:PORT"
        raise ValueError(message)
    return host.rstrip("."), port
