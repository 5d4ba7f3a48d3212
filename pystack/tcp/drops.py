"""Why a connection did not take a segment, or its text: each value is the name of the host's counter."""

from enum import StrEnum


class Drop(StrEnum):
    """Linux's names where it has one."""

    OLD_TIMESTAMP = "TcpExtPAWSEstab"
    """An old duplicate by its timestamp (RFC 7323 section 5.3)."""
    NO_TIMESTAMP = "PystackTcpInNoTimestamp"
    """No timestamp on a connection that agreed on them (RFC 7323 section 3.2)."""
    OUT_OF_WINDOW = "PystackTcpInOutOfWindow"
    """The sequence number is not acceptable (RFC 9293 section 3.10.7.4, first step)."""
    BLIND_RESET = "PystackTcpInBlindResets"
    """A RST whose number is not the exact one (RFC 5961 section 3.2)."""
    UNEXPECTED_SYN = "TcpExtTCPSYNChallenge"
    """A SYN on a synchronized connection (RFC 5961 section 4.2)."""
    NO_ACK = "PystackTcpInNoAck"
    """Neither ACK, SYN nor RST (fifth step)."""
    BAD_ACK = "PystackTcpInBadAck"
    """It acknowledges what was never sent, or what is too old (RFC 5961 section 5.2)."""
    NOT_EXPECTED = "PystackTcpInUnexpected"
    """Nothing that the state waits for: text behind a FIN, or no SYN in SYN-SENT."""
    OUT_OF_MEMORY = "TcpExtTCPOFODrop"
    """Out-of-order text that would cost more memory than the connection may have."""
    SHUT_WINDOW = "TcpExtTCPZeroWindowDrop"
    """Text, or a FIN, while the window is shut; its acknowledgement counts (RFC 9293 section 3.10.7.4, first step)."""
    NOBODY_READS = "TcpExtTCPAbortOnData"
    """Text that nobody will ever read, since the application has let go: it ends the connection (SHLD-3)."""
    HELD_ALREADY = "TcpExtTCPOFOMerge"
    """Out-of-order text all of which had arrived before."""
    SYN_AGAIN = "TcpExtTCPACKSkippedSynRecv"
    """Another copy of the SYN, so soon that it is not answered again."""
