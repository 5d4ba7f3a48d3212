"""Whole scripts that every stack like Linux's passes: one for each half of the language."""

PASSIVE = """\
// A request, its reply, and the peer closes first.
--tolerance_usecs=10000

`sysctl -q net.ipv4.tcp_timestamps=0`

 0.000 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0     bind(3, ..., ...) = 0
+0     listen(3, 5) = 0
+0.05  < S 0:0(0) win 40000 <mss 1200,nop,nop,sackOK>
+0     > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
+0.02  < . 1:1(0) ack 1 win 40000
+0     accept(3, ..., ...) = 4
+0.10  < P. 1:301(300) ack 1 win 40000
+0     > . 1:1(0) ack 301
+0     read(4, ..., 1000) = 300
+0.01  write(4, ..., 2500) = 2500
+0     > P. 1:2501(2500) ack 301
+0     %{ assert tcpi_unacked == 3, tcpi_unacked }%
+0.02  < . 301:301(0) ack 2501 win 40000
+0.10  < F. 301:301(0) ack 2501 win 40000
+0~+0.05 > . 2501:2501(0) ack 302
+0     read(4, ..., 1000) = 0
+0     close(4) = 0
+0     > F. 2501:2501(0) ack 302
+0.02  < . 302:302(0) ack 2502 win 40000
"""

ACTIVE = """\
/* A SYN that is lost once, a reader that waits, a reset. */
--tolerance_usecs=10000

 0     socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0     fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0     connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0     > S 77:77(0) <...>
+1.0   > S 77:77(0) <...>
+0.05  < S. 700:700(0) ack 78 win 20000 <mss 1000,nop,nop,sackOK>
+0     > . 1:1(0) ack 1
+0     getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
+0     fcntl(3, F_SETFL, O_RDWR) = 0
+0     fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)
+0...0.2 read(3, ..., 500) = 300
+0.2   < P. 1:301(300) ack 1 win 20000
+0~+0.05 > . 1:1(0) ack 301
+0.1   < R. 301:301(0) ack 1 win 0
+0     write(3, ..., 100) = -1 ECONNRESET
"""
EXAMPLES = (PASSIVE, ACTIVE)
