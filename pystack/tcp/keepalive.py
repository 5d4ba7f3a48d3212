"""Keep-alive (RFC 9293 section 3.8.4): off until an application asks for it."""

from enum import Enum


class KeepAlive(Enum):
    """What to do when the keep-alive timer fires."""

    WAIT = "not idle for long enough"
    PROBE = "send a probe"
    GIVE_UP = "the peer is gone"


def decide(
    *, idle: int, outstanding: bool, probes: int, idle_limit: int, count_limit: int, user_timeout: int
) -> KeepAlive:
    """`idle` is the time since anything arrived, `outstanding` whether text of ours is unacknowledged or waits to be
    sent (then the retransmission timer watches over the connection: MUST-26), `probes` how many have gone unanswered.
    One lost probe is not the end (MUST-29): `count_limit` of them are, or `user_timeout` where it is set (RFC 5482
    section 4.2).
    """
    if outstanding or (idle < idle_limit and not probes):
        return KeepAlive.WAIT
    if user_timeout:
        return KeepAlive.GIVE_UP if idle >= user_timeout and probes else KeepAlive.PROBE
    return KeepAlive.GIVE_UP if probes >= count_limit else KeepAlive.PROBE
