"""ICMP echo sockets, sans-IO: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6, as Linux has them for `ping`."""

import errno
from typing import Final

from pystack.sock.constants import AF_INET, IPPROTO_ICMP, IPPROTO_ICMPV6, WouldBlock
from pystack.sock.datagram import READ, DatagramSock
from pystack.sock.errors import os_error
from pystack.stack.host import Host
from pystack.udp.echo import EchoEndpoint, Report, is_request
from pystack.udp.endpoint import Received
from pystack.wire.buffers import Buffer
from pystack.wire.icmp import HEADER_BYTES

_MOST: Final = 0xFFFF


class EchoSock(DatagramSock):
    """A socket of `host` that sends echo requests and receives the replies to them, each with its ICMP header. `family`
    is AF_INET or AF_INET6, `proto` the ICMP of that family.

    The port of its own name is the identifier of the requests, which the stack writes into them, as it does the
    checksum; ports of others mean nothing and are read as 0. Connected or not, it hears replies from everybody, and
    SO_REUSEADDR is on. `send` and `sendto` raise EINVAL for what is no echo request.
    """

    __slots__ = ()

    endpoint: EchoEndpoint

    def __init__(self, host: Host, family: int, type: int, proto: int) -> None:
        is_proto = IPPROTO_ICMP if family == AF_INET else IPPROTO_ICMPV6
        super().__init__(host, family, type, proto, is_proto, host.echoes)
        self.reuse_address = self.endpoint.reuse

    def receive(self) -> Received | Report | WouldBlock:
        """What comes next of all that is known of the requests: a reply, as whole as it came, or what an ICMP error
        says of one, be it an error that `recv` would raise or not. Errors come first. Raises what is pending otherwise,
        and EPIPE once reading was shut down.
        """
        self._check()
        report = self.endpoint.take_report()
        if report is not None:
            self.endpoint.error = None  # told with it
            return report
        self._raise_pending()
        received = self.endpoint.recv()
        if received is None and self.read_shut:
            raise os_error(errno.EPIPE, "reading was shut down")
        return received or READ

    @property
    def has_news(self) -> bool:
        """Whether `receive` would not block."""
        return self.endpoint.has_reports or self.readable

    def _check_data(self, data: Buffer) -> None:
        if len(data) > _MOST:
            raise os_error(errno.EMSGSIZE)
        if len(data) < HEADER_BYTES or not is_request(self._wildcard, bytes(data[:HEADER_BYTES])):
            raise os_error(errno.EINVAL, "only whole echo requests, of code 0, can be sent")
