"""Only the public internet is public, however an address is written or wrapped."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.images.address import OpenHosts, PrivateAddressError, is_public, public_socket


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254",          # metadata of most clouds
        "100.100.100.200",          # Alibaba's
        "192.0.0.192",              # Oracle's
        "168.63.129.16",            # Azure's
        "100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%2", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
        "2001:db8::1", "3fff::1", "4000::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1",          # NAT64 of 127.0.0.1
        "64:ff9b:1::7f00:1",        # local NAT64
        "2002:7f00:1::1",           # 6to4 of 127.0.0.1
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
        "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "8.8.8.08", "134744072", "",
    ],
)  # fmt: skip
def test_address_that_is_not_public_is_told(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101",
     "2002:101:101::1"],
)  # fmt: skip
def test_public_address_is_told(address):
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_as_public_as_its_wrappings(address):
    number = int(address)
    wrappings = [f"::ffff:{address}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"]
    wrappings.append(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert {is_public(wrapped) for wrapped in wrappings} == {is_public(str(address))}


def test_socket_is_made_for_a_public_address_only():
    with public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 80))) as made:
        assert made.family == socket.AF_INET
    with pytest.raises(PrivateAddressError) as refusal:
        public_socket((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 80, 0, 0)))
    assert refusal.value.address == "::1"


def test_open_host_without_port_opens_every_port():
    hosts = OpenHosts(["Images.Lan", "::1"])
    assert ("images.lan", 80) in hosts
    assert ("IMAGES.LAN.", 8443) in hosts
    assert ("::1", 8000) in hosts
    assert ("other.images.lan", 80) not in hosts


def test_open_host_with_port_opens_that_port():
    hosts = OpenHosts(["127.0.0.1:8000", "[::1]:8001"])
    assert ("127.0.0.1", 8000) in hosts
    assert ("::1", 8001) in hosts
    assert ("127.0.0.1", 8001) not in hosts
    assert ("::1", 8000) not in hosts


@pytest.mark.parametrize("name", ["", "http://host", "user@host", "host/path", "host:port"])
def test_what_is_no_host_cannot_be_opened(name):
    with pytest.raises(ValueError, match="HOST or HOST:PORT"):
        OpenHosts([name])
