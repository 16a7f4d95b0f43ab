"""``unshare --net python tests/watched.py COMMAND...``: what a command sends to other hosts.

In a network of its own, whose way out leads nowhere, every packet that would leave the machine
is seen, name look-ups included. Printed is a line for each: protocol, address and port.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading

LINK = "nowhere"
IPV4, IPV6 = 0x0800, 0x86DD
PROTOCOLS = {6: "tcp", 17: "udp"}


def main(command: list[str]) -> int:
    for step in (
        "link set lo up",
        f"link add {LINK} type veth peer name its-end",
        f"addr add 10.9.9.1/24 dev {LINK}",
        "link set its-end up",
        f"link set {LINK} arp off up",  # or it would first ask who has the address, for ever
        f"route add default dev {LINK}",
    ):
        subprocess.run(["ip", *step.split()], check=True, timeout=10)
    seen: set[str] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as sniffer:
        sniffer.bind((LINK, 0))
        threading.Thread(target=watch, args=(sniffer, seen), daemon=True).start()
        ended = subprocess.run(command, stdout=subprocess.DEVNULL, check=False, timeout=90)
    sys.stdout.write("\n".join(sorted(seen)))
    return ended.returncode


def watch(sniffer: socket.socket, seen: set[str]) -> None:
    while True:
        line = described(sniffer.recv(65536))
        if line:
            seen.add(line)


def described(frame: bytes) -> str | None:
    """TCP and UDP alone: the rest is the link's own talk."""
    (kind,) = struct.unpack_from("!H", frame, 12)
    packet = frame[14:]
    if kind == IPV4:
        protocol, address = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20])
        head = (packet[0] & 15) * 4
    elif kind == IPV6:
        protocol, address = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40])
        head = 40
    else:
        return None
    if protocol not in PROTOCOLS:
        return None
    (port,) = struct.unpack_from("!H", packet, head + 2)
    return f"{PROTOCOLS[protocol]} {address} {port}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
