"""Prints clock-changes.csv: the clock changes of some time zones from 1970 to 2025, read from /usr/share/zoneinfo.

The compiled files are read directly (RFC 8536), because Python's zoneinfo module does not list transitions.
"""

import csv
import datetime as dt
import struct
import sys

ZONES = """
Africa/Abidjan Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Khartoum Africa/Lagos Africa/Nairobi
Africa/Tripoli Africa/Tunis Africa/Windhoek America/Anchorage America/Argentina/Buenos_Aires America/Asuncion
America/Bogota America/Caracas America/Chicago America/Denver America/Halifax America/Havana America/Lima
America/Los_Angeles America/Mexico_City America/Montevideo America/New_York America/Noronha America/Nuuk
America/Panama America/Phoenix America/Port-au-Prince America/Santiago America/Sao_Paulo America/St_Johns
America/Toronto America/Vancouver Antarctica/Casey Antarctica/Troll Asia/Almaty Asia/Amman Asia/Baghdad
Asia/Baku Asia/Beirut Asia/Damascus Asia/Dhaka Asia/Dubai Asia/Gaza Asia/Hong_Kong Asia/Jakarta Asia/Jerusalem
Asia/Kabul Asia/Karachi Asia/Kathmandu Asia/Kolkata Asia/Manila Asia/Pyongyang Asia/Riyadh Asia/Seoul
Asia/Shanghai Asia/Singapore Asia/Taipei Asia/Tashkent Asia/Tbilisi Asia/Tehran Asia/Tokyo Asia/Ulaanbaatar
Asia/Vladivostok Asia/Yerevan Atlantic/Azores Atlantic/Bermuda Atlantic/Stanley Australia/Adelaide
Australia/Brisbane Australia/Lord_Howe Australia/Perth Australia/Sydney Europe/Athens Europe/Berlin
Europe/Bucharest Europe/Chisinau Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon
Europe/London Europe/Madrid Europe/Minsk Europe/Moscow Europe/Paris Europe/Rome Europe/Volgograd Europe/Warsaw
Pacific/Apia Pacific/Auckland Pacific/Chatham Pacific/Easter Pacific/Fiji Pacific/Honolulu Pacific/Kiritimati
Pacific/Norfolk Pacific/Tongatapu
""".split()

HEADER = 44
YEAR_2026 = 1767225600


def counts(data, at):
    """The six counts of a TZif header: UT indicators, standard indicators, leap seconds, times, types, characters."""
    return struct.unpack(">6L", data[at + 20 : at + HEADER])


def changes(zone):
    with open("/usr/share/zoneinfo/" + zone, "rb") as file:
        data = file.read()
    ut, std, leap, times, types, chars = counts(data, 0)
    # The first block has 32-bit times and is skipped: its content comes again with 64 bits.
    at = HEADER + times * 5 + types * 6 + chars + leap * 8 + std + ut
    _, _, _, times, types, chars = counts(data, at)
    at += HEADER
    instants = struct.unpack(f">{times}q", data[at : at + times * 8])
    at += times * 8
    kinds = data[at : at + times]
    at += times
    offsets = [struct.unpack(">lBB", data[at + 6 * i : at + 6 * i + 6]) for i in range(types)]
    at += types * 6
    names = data[at : at + chars]
    for instant, kind in zip(instants, kinds):
        if 0 <= instant < YEAR_2026:
            offset, is_dst, name = offsets[kind]
            utc = dt.datetime.fromtimestamp(instant, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield zone, utc, offset, names[name:].split(b"\0")[0].decode(), is_dst


out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["zone", "utc", "offset_seconds", "abbreviation", "is_dst"])
for zone in sorted(ZONES):
    out.writerows(changes(zone))
