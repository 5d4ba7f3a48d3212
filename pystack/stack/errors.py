"""Why a call on a host was refused. `pystack.sock` turns these into errno values."""


class StackError(Exception):
    """The base of what `Host` raises for a caller's mistakes."""


class AddressInUse(StackError):
    """Another socket has this address and port."""


class AddressNotAvailable(StackError):
    """The address is not one of the host's, or no port is left."""


class InvalidSource(StackError):
    """A packet from this address must not leave the host: it is a loopback address."""


class InvalidDestination(StackError):
    """Nobody can be connected to at this address (RFC 9293 MUST-46)."""


class BroadcastDenied(StackError):
    """The destination is a broadcast address, which nobody has asked to be allowed to send to."""


class DatagramTooLong(StackError):
    """A datagram is larger than IP can carry, or than fits where it must not be cut."""


class Unreachable(StackError):
    """The host has no address of the destination's family."""


class OutOfMemory(StackError):
    """The host's memory budget is used up."""
