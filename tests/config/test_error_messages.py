"""The full text of every error of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeheat.config import Config, load_config
from edgeheat.errors import ConfigError

CAM = '[[camera]]\nname = "a"\nsource = "rtsp://cam/1"\n'
TOO_MUCH_TOML = "has a number with thousands of digits, or too deeply nested brackets"
WITHOUT_SCHEME = (
    "camera[0].source: looks like the address of a camera without its scheme; did you mean rtsp://{}/…? "
    "A file of that name needs file: in front of it"
)
WINDOWS_PATH = r"write a path with backslashes in single quotes, such as 'C:\shop\plan.png', or with / instead"
CORNERS = "polygon = [[0, 0], [1, 0], [1, 1]]\n"


def zone(polygon: str) -> str:
    return f'{CAM}[[camera.zone]]\nname = "till"\npolygon = {polygon}\n'


def source(text: str, more: str = "") -> str:
    return f'[[camera]]\nname = "a"\nsource = "{text}"\n{more}'


def heat(text: str) -> str:
    return f"{CAM}[camera.heats.x]\n{text}"


# ruff: noqa: E501
# Each: what is wrong; the file; the environment; the full text of every error (the file's name before it is checked).
ERRORS: list[tuple[str, str, dict[str, str], list[str]]] = [
    (
        "hours that are none",
        CAM + '[hours]\nmonday = "ten"\n',
        {},
        ['hours.monday: "ten" is not a range of hours; type 10-12, 10:30-12:15 or 22-6'],
    ),
    (
        "hours that are a number",
        CAM + "[hours]\nmonday = 9\n",
        {},
        ['hours.monday: is 9; write hours such as "9-20" or "9-13, 15-20", or "closed"'],
    ),
    (
        "no hours",
        CAM + '[hours]\nmonday = " "\n',
        {},
        ['hours.monday: is " "; write hours such as "9-20" or "9-13, 15-20", or "closed"'],
    ),
    (
        "a comma too many",
        CAM + '[hours]\nmonday = "9-13,"\n',
        {},
        ['hours.monday: "" is not a range of hours; type 10-12, 10:30-12:15 or 22-6'],
    ),
    (
        "hours between the steps",
        CAM + '[hours]\nmonday = "9:07-20"\n',
        {},
        ['hours.monday: "9:07-20" is too fine; history is kept in steps of 5 minutes: type 10:30-12:15'],
    ),
    (
        "wrong hours of several days",
        CAM + '[hours]\nmon-sun = "9-25"\n',
        {},
        ['hours: mon-sun: "9-25" has a time that no clock shows; hours go from 0 to 24, as in 10:30-24:00'],
    ),
    (
        "a day without hours",
        CAM + '[hours]\nmon-fri = "9-20"\nsat = "9-18"\n',
        {},
        ['hours: has no hours for sunday; add sunday = "closed", or its hours'],
    ),
    (
        "hours of one day",
        CAM + '[hours]\nmonday = "9-20"\n',
        {},
        [
            'hours: has no hours for tuesday, wednesday, thursday, friday, saturday, sunday; add tuesday = "closed", or its hours'
        ],
    ),
    (
        "a day twice",
        CAM + '[hours]\nmon-sun = "9-20"\nsunday = "closed"\n',
        {},
        ["hours: mon-sun and sunday both give the hours of sunday; keep one"],
    ),
    (
        "a weekday that is none",
        CAM + '[hours]\nmondy = "9-20"\n',
        {},
        ['hours.mondy: is not a setting; did you mean "monday"?'],
    ),
    (
        "an unknown word outside",
        CAM + '[hours]\noutside = "paus"\n',
        {},
        ['hours.outside: is "paus"; must be one of pause, count; did you mean "pause"?'],
    ),
    (
        "one holiday",
        CAM + '[hours]\nholidays = "2026-12-25"\n',
        {},
        ['hours.holidays: is "2026-12-25"; write a list of dates, such as ["2026-12-25", "2026-12-26"]'],
    ),
    (
        "a holiday that is no date",
        CAM + '[hours]\nholidays = ["25.12.2026"]\n',
        {},
        ['hours.holidays: is "25.12.2026"; write a date such as "2026-12-25"'],
    ),
    (
        "a date that is not in the calendar",
        CAM + '[hours.dates]\n2026-02-30 = "9-14"\n',
        {},
        ['hours.dates.2026-02-30: is "2026-02-30"; write a date such as "2026-12-25"'],
    ),
    (
        "a date with wrong hours",
        CAM + '[hours.dates]\n2026-12-24 = "no"\n',
        {},
        ['hours.dates.2026-12-24: "no" is not a range of hours; type 10-12, 10:30-12:15 or 22-6'],
    ),
    (
        "a date as holiday and with hours",
        CAM + '[hours]\nholidays = [2026-12-24]\ndates = { "2026-12-24" = "9-14" }\n',
        {},
        ["hours: has 2026-12-24 both in holidays and in dates; keep one"],
    ),
    ("dates as a list", CAM + '[hours]\ndates = ["2026-12-24"]\n', {}, ["hours.dates: must be a table"]),
    (
        "hours as text",
        CAM + "",
        {"EDGEHEAT_HOURS__SUNDAY": "always"},
        ['EDGEHEAT_HOURS__SUNDAY: "always" is not a range of hours; type 10-12, 10:30-12:15 or 22-6'],
    ),
    ("no camera", "", {}, ["camera: is missing; add a [[camera]] table with name and source"]),
    ("no name and no source", "[[camera]]\n", {}, ["camera[0].name: is missing", "camera[0].source: is missing"]),
    ("wrong TOML", "[mqtt\nport = 1", {}, ["line 1, column 6: Expected ']' at the end of a table declaration"]),
    ("text without quotes", "x = 1\n\n[mqtt]\nhost = broker\n", {}, ["line 4, column 8: Invalid value"]),
    ("a table given twice", "[mqtt]\n[mqtt]\n", {}, ["line 2, column 6: Cannot declare ('mqtt',) twice"]),
    ("unknown table", CAM + "[mqqt]\nport = 1\n", {}, ['mqqt: is not a setting; did you mean "mqtt"?']),
    (
        "unknown key",
        '[mqtt]\npasword = "hush"\n' + CAM,
        {},
        ['mqtt.pasword: is not a setting; did you mean "password"?'],
    ),
    (
        "unknown key that is like none",
        "[log]\nzzz = 1\n" + CAM,
        {},
        ["log.zzz: is not a setting; the settings here are level"],
    ),
    (
        "unknown key deep down",
        CAM + "[camera.motion]\ngridwidth = 3\n",
        {},
        ['camera[0].motion.gridwidth: is not a setting; did you mean "grid_width"?'],
    ),
    (
        "unknown key in a zone",
        CAM + '[[camera.zone]]\nname = "x"\nknd = "zone"\n' + CORNERS,
        {},
        ['camera[0].zone[0].knd (camera "a", zone "x"): is not a setting; did you mean "kind"?'],
    ),
    (
        "name in defaults",
        '[defaults]\nname = "x"\n' + CAM,
        {},
        ['defaults.name: is not a setting; did you mean "username"?'],
    ),
    ("a table that is a number", "mqtt = 1\n" + CAM, {}, ["mqtt: must be a table"]),
    (
        "cameras as one table",
        '[camera]\nname = "a"\n',
        {},
        ["camera: must be a list of tables: write its name in double brackets, [[...]]"],
    ),
    ("a camera that is a number", "camera = [1]\n", {}, ["camera[0]: must be a table"]),
    ("number out of bounds", "[web]\nport = 70000\n" + CAM, {}, ["web.port: is 70000; must be at most 65535"]),
    ("number that is text", '[web]\nport = "eighty"\n' + CAM, {}, ['web.port: is "eighty"; must be a whole number']),
    (
        "fraction for a whole number",
        CAM + "motion = { grid_width = 100.5 }\n",
        {},
        ["camera[0].motion.grid_width: is 100.5; must be a whole number"],
    ),
    (
        "text for a fraction",
        CAM + 'style = { alpha = "half" }\n',
        {},
        ['camera[0].style.alpha: is "half"; must be a number'],
    ),
    ("not above zero", CAM + "fps = 0\n", {}, ["camera[0].fps: is 0; must be above 0"]),
    (
        "text for true or false",
        '[mqtt]\nenabled = "maybe"\n' + CAM,
        {},
        ['mqtt.enabled: is "maybe"; must be true or false'],
    ),
    ("number for text", "[mqtt]\nhost = 5\n" + CAM, {}, ["mqtt.host: must be text in quotes"]),
    ("number for a password", "[mqtt]\npassword = 5\n" + CAM, {}, ["mqtt.password: must be text in quotes"]),
    (
        "a URL as the broker's name",
        '[mqtt]\nhost = "mqtt://u:hush@broker"\n' + CAM,
        {},
        ["mqtt: has a URL as host; write only the name or address, and set port, username and password"],
    ),
    (
        "a text for a list of names",
        '[web]\nhosts = "pi.lan:8080"\n' + CAM,
        {},
        ['web.hosts: is "pi.lan:8080"; write a list of names without a port, such as ["pi.lan"]'],
    ),
    (
        "a window longer than is kept",
        heat('kind = "window"\nlength = "32d"\n'),
        {},
        ['camera[0].heats.x.length: is "32d"; must be at most "31d"'],
    ),
    ("empty text", '[mqtt]\nhost = ""\n' + CAM, {}, ["mqtt.host: is empty"]),
    (
        "a word not on the list",
        CAM + 'rtsp_transport = "upd"\n',
        {},
        ['camera[0].rtsp_transport: is "upd"; must be one of tcp, udp; did you mean "udp"?'],
    ),
    (
        "log level",
        '[log]\nlevel = "verbose"\n' + CAM,
        {},
        ['log.level: is "verbose"; must be one of debug, info, warning, error'],
    ),
    (
        "bad topic",
        '[mqtt]\nprefix = "a/#"\n' + CAM,
        {},
        ['mqtt.prefix: is "a/#"; use letters, digits, _ and -, with / between the parts'],
    ),
    (
        "duration without unit",
        '[storage]\nkeep = "10"\n' + CAM,
        {},
        ['storage.keep: is "10"; write a number with a unit (ms, s, m, h, d or w), such as "10s" or "30d"'],
    ),
    (
        "duration as a number",
        "[storage]\nkeep = 10\n" + CAM,
        {},
        ['storage.keep: is 10; write a number with a unit (ms, s, m, h, d or w), such as "10s" or "30d"'],
    ),
    (
        "duration with an unknown unit",
        '[mqtt]\nkeepalive = "1y"\n' + CAM,
        {},
        ['mqtt.keepalive: is "1y"; write a number with a unit (ms, s, m, h, d or w), such as "10s" or "30d"'],
    ),
    ("duration too short", '[storage]\nkeep = "10m"\n' + CAM, {}, ['storage.keep: is "10m"; must be at least "1h"']),
    (
        "duration too long",
        CAM + 'motion = { max_gap = "5m" }\n',
        {},
        ['camera[0].motion.max_gap: is "5m"; must be at most "1m"'],
    ),
    (
        "size",
        '[storage]\nmax_size = "2 gigs"\n' + CAM,
        {},
        [
            'storage.max_size: is "2 gigs"; write a number with a unit (kB, MB, GB or TB; KiB, MiB, GiB or TiB), such as "500MB" or "2GB"'
        ],
    ),
    (
        "size too small",
        '[storage]\nmax_size = "2kB"\n' + CAM,
        {},
        ['storage.max_size: is "2kB"; must be at least "1MB"'],
    ),
    (
        "time zone",
        '[site]\ntimezone = "Europe/Olso"\n' + CAM,
        {},
        ['site.timezone: is "Europe/Olso", which is not a time zone; did you mean "Europe/Oslo"?'],
    ),
    ("site name", '[site]\nname = "Shop 5"\n' + CAM, {}, ['site.name: is "Shop 5"; use 1 to 32 of a-z, 0-9, _ and -']),
    (
        "camera name",
        CAM.replace('"a"', '"Front Door"'),
        {},
        ['camera[0].name: is "Front Door"; use 1 to 32 of a-z, 0-9, _ and -'],
    ),
    ("camera name twice", CAM + CAM, {}, ['camera[1].name: is "a", as in camera[0]; names must be unique']),
    (
        "zone name twice",
        CAM + 2 * ('[[camera.zone]]\nname = "till"\n' + CORNERS),
        {},
        ['camera[0].zone[1].name (camera "a", zone "till"): is "till", as in camera[0].zone[0]; names must be unique'],
    ),
    (
        "zone name twice but for a capital",
        CAM + '[[camera.zone]]\nname = "till"\n' + CORNERS + '[[camera.zone]]\nname = "Till"\n' + CORNERS,
        {},
        [
            'camera[0].zone[1].name (camera "a", zone "Till"): is "Till"; use 1 to 32 of a-z, 0-9, _ and -',
            'camera[0].zone[1].name (camera "a", zone "Till"): is "Till", which differs only in case from camera[0].zone[0]; names must be unique',
        ],
    ),
    (
        "zone name twice in defaults, for two cameras, once",
        2 * ('[[defaults.zone]]\nname = "till"\n' + CORNERS) + CAM + CAM.replace('"a"', '"b"'),
        {},
        ['defaults.zone[1].name (zone "till"): is "till", as in defaults.zone[0]; names must be unique'],
    ),
    (
        "zone name that is taken, in capitals",
        CAM + '[[camera.zone]]\nname = "ALL"\n' + CORNERS,
        {},
        [
            'camera[0].zone[0].name (camera "a", zone "ALL"): is "ALL", which is reserved for the whole picture; choose another name'
        ],
    ),
    (
        "zone name that is taken",
        CAM + '[[camera.zone]]\nname = "all"\n' + CORNERS,
        {},
        [
            'camera[0].zone[0].name (camera "a", zone "all"): is "all", which is reserved for the whole picture; choose another name'
        ],
    ),
    (
        "zone kind",
        CAM + '[[camera.zone]]\nname = "x"\nkind = "exclude"\n' + CORNERS,
        {},
        [
            'camera[0].zone[0].kind (camera "a", zone "x"): is "exclude"; must be one of zone, include, ignore, privacy; did you mean "include"?'
        ],
    ),
    (
        "polygon of two points",
        zone("[[0, 0], [1, 1]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): needs at least 3 points, has 2; write corners as [[0.1, 0.2], ...]'
        ],
    ),
    (
        "polygon outside",
        zone("[[0, 0], [1.2, 0], [1, 1]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): point 2 is [1.2, 0]; x and y go from 0 to 1 of the picture\'s width and height, from its top left'
        ],
    ),
    (
        "polygon in pixels",
        zone("[[0, 0], [640, 0], [640, 360]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): point 2 is [640, 0]; x and y go from 0 to 1 of the picture\'s width and height, from its top left'
        ],
    ),
    (
        "polygon of triples",
        zone("[[0, 0, 0], [1, 0, 0], [1, 1, 0]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): point 1 is [0, 0, 0]; x and y go from 0 to 1 of the picture\'s width and height, from its top left'
        ],
    ),
    (
        "polygon as text",
        zone('"0,0 1,0 1,1"'),
        {},
        ['camera[0].zone[0].polygon (camera "a", zone "till"): is "0,0 1,0 1,1"; write corners as [[0.1, 0.2], ...]'],
    ),
    (
        "polygon that crosses itself",
        zone("[[0, 0], [1, 1], [1, 0], [0, 0.8]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): crosses itself: the edge from point 1 to 2 cuts the one from 3 to 4; give the corners in order round the edge'
        ],
    ),
    (
        "polygon without area",
        zone("[[0, 0], [0.5, 0.5], [1, 1]]"),
        {},
        ['camera[0].zone[0].polygon (camera "a", zone "till"): has no area: its points lie on one line'],
    ),
    (
        "polygon that crosses itself so that its halves cancel out",
        zone("[[0, 0], [1, 1], [1, 0], [0, 1]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): crosses itself: the edge from point 1 to 2 cuts the one from 3 to 4; give the corners in order round the edge'
        ],
    ),
    (
        "polygon that crosses itself at its closing edge",
        zone("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.5], [0.5, 0.9], [0.5, 0]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): crosses itself: the edge from point 1 to 2 cuts the one from 4 to 5; give the corners in order round the edge'
        ],
    ),
    (
        "polygon with a corner on another edge",
        zone("[[0.1, 0.1], [0.7, 0.1], [0.7, 0.7], [0.4, 0.1], [0.1, 0.7]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): touches itself: the edge from point 1 to 2 meets the one from 3 to 4; move a point, or split it into two polygons'
        ],
    ),
    (
        "polygon with one edge along another",
        zone("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.5], [0.7, 0.5], [0.7, 0.1], [0.3, 0.1], [0.3, 0.5]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): touches itself: the edge from point 1 to 2 meets the one from 4 to 5; move a point, or split it into two polygons'
        ],
    ),
    (
        "polygon with a spike",
        zone("[[0.1, 0.1], [0.9, 0.1], [0.5, 0.1], [0.5, 0.9]]"),
        {},
        ['camera[0].zone[0].polygon (camera "a", zone "till"): turns back on itself at point 2; remove that point'],
    ),
    (
        "polygon with a corner given twice",
        zone("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.1], [0.5, 0.9]]"),
        {},
        ['camera[0].zone[0].polygon (camera "a", zone "till"): point 3 is the same as point 2; list each corner once'],
    ),
    (
        "polygon that comes back to a corner",
        zone("[[0.5, 0.5], [0.9, 0.1], [0.9, 0.9], [0.5, 0.5], [0.1, 0.9], [0.1, 0.1]]"),
        {},
        ['camera[0].zone[0].polygon (camera "a", zone "till"): point 4 is the same as point 1; list each corner once'],
    ),
    (
        "polygon closed by hand",
        zone("[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9], [0.1, 0.1]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): point 4 is the same as point 1; remove the last one, the polygon closes by itself'
        ],
    ),
    (
        "polygon on a line that decimals cannot hold exactly",
        zone("[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.7, 0.7]]"),
        {},
        ['camera[0].zone[0].polygon (camera "a", zone "till"): has no area: its points lie on one line'],
    ),
    (
        "polygon with a point that is no number",
        zone("[[0, 0], [nan, 0], [1, 1]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): point 2 is [nan, 0]; x and y go from 0 to 1 of the picture\'s width and height, from its top left'
        ],
    ),
    (
        "polygon with an endless point",
        zone("[[0, 0], [0, -inf], [1, 1]]"),
        {},
        [
            'camera[0].zone[0].polygon (camera "a", zone "till"): point 2 is [0, -inf]; x and y go from 0 to 1 of the picture\'s width and height, from its top left'
        ],
    ),
    (
        "polygon drawn by a machine",
        zone(str([[i / 1000, (i % 2) / 2] for i in range(201)])),
        {},
        ['camera[0].zone[0].polygon (camera "a", zone "till"): has 201 points; at most 200 are accepted, remove some'],
    ),
    (
        "polygon from defaults, for two cameras, once",
        '[[defaults.zone]]\nname = "till"\npolygon = [[0, 0], [1, 1]]\n' + CAM + CAM.replace('"a"', '"b"'),
        {},
        ['defaults.zone[0].polygon (zone "till"): needs at least 3 points, has 2; write corners as [[0.1, 0.2], ...]'],
    ),
    (
        "polygon of the environment",
        CAM,
        {"EDGEHEAT_DEFAULTS__ZONE": '[{"name": "till", "polygon": [[0, 0], [1, NaN], [1, 1]]}]'},
        [
            'EDGEHEAT_DEFAULTS__ZONE__0__POLYGON (zone "till"): point 2 is [1, nan]; x and y go from 0 to 1 of the picture\'s width and height, from its top left'
        ],
    ),
    (
        "zone without a name",
        CAM + "[[camera.zone]]\npolygon = [[0, 0], [1, 1]]\n",
        {},
        [
            'camera[0].zone[0].name (camera "a"): is missing',
            'camera[0].zone[0].polygon (camera "a"): needs at least 3 points, has 2; write corners as [[0.1, 0.2], ...]',
        ],
    ),
    (
        "a weight below zero",
        CAM + '[[camera.zone]]\nname = "x"\nweight = -1\n' + CORNERS,
        {},
        ['camera[0].zone[0].weight (camera "a", zone "x"): is -1; must be at least 0'],
    ),
    (
        "a weight without end",
        CAM + '[[camera.zone]]\nname = "x"\nweight = inf\n' + CORNERS,
        {},
        ['camera[0].zone[0].weight (camera "a", zone "x"): is inf; must be at most 1000'],
    ),
    (
        "a weight that is no number",
        CAM + '[[camera.zone]]\nname = "x"\nweight = nan\n' + CORNERS,
        {},
        ['camera[0].zone[0].weight (camera "a", zone "x"): is nan; must be at most 1000'],
    ),
    (
        "a weight on a mask",
        CAM + '[[camera.zone]]\nname = "x"\nkind = "ignore"\nweight = 2\n' + CORNERS,
        {},
        ['camera[0].zone[0] (camera "a", zone "x"): is of kind "ignore", which has no weight; remove it'],
    ),
    (
        "an unknown subtractor",
        CAM + 'motion = { subtractor = "gosc" }\n',
        {},
        [
            'camera[0].motion.subtractor: is "gosc"; must be one of mog2, knn, mog, cnt, gsoc, difference; did you mean "gsoc"?'
        ],
    ),
    (
        "smallest blobs larger far away than near",
        CAM + "motion = { min_blob_far_cells = 20 }\n",
        {},
        [
            "camera[0].motion: has min_blob_far_cells 20 above min_blob_cells 12; people far away look smaller: do not set it higher"
        ],
    ),
    (
        "looks so seldom that each is a gap",
        CAM + 'motion = { analysis_fps = 0.4, max_gap = "2s" }\n',
        {},
        [
            "camera[0].motion: has analysis_fps 0.4, one frame in 2.5 s, and max_gap 2s, so that every pause would count as a gap; increase one of them"
        ],
    ),
    (
        "a smallest blob below nothing",
        CAM + "motion = { min_blob_cells = -1 }\n",
        {},
        ["camera[0].motion.min_blob_cells: is -1; must be at least 0"],
    ),
    (
        "a dwell without a unit, and one that is too short",
        CAM + 'motion = { dwell_max = 600, furniture = "1s" }\n',
        {},
        [
            'camera[0].motion.dwell_max: is 600; write a number with a unit (ms, s, m, h, d or w), such as "10s" or "30d"',
            'camera[0].motion.furniture: is "1s"; must be at least "5s"',
        ],
    ),
    (
        "text for a switch of the motion model",
        CAM + 'motion = { light_gate = "auto", flicker_mask = "auto", feet = "left" }\n',
        {},
        [
            'camera[0].motion.light_gate: is "auto"; must be true or false',
            'camera[0].motion.flicker_mask: is "auto"; must be true or false',
            'camera[0].motion.feet: is "left"; must be true or false',
        ],
    ),
    (
        "a heat of something unknown",
        heat('kind = "total"\nof = "trafic"\n'),
        {},
        ['camera[0].heats.x.of: is "trafic"; must be one of presence, traffic, dwell; did you mean "traffic"?'],
    ),
    (
        "a heat given twice",
        heat('kind = "total"\n') + '[camera.heats.x]\nkind = "total"\n',
        {},
        ["line 6, column 16: Cannot declare ('camera', 'heats', 'x') twice"],
    ),
    (
        "colormap",
        CAM + 'style = { colormap = "infero" }\n',
        {},
        ['camera[0].style.colormap: is "infero", which is not a colormap; did you mean "inferno"?'],
    ),
    (
        "colormap like none",
        CAM + 'style = { colormap = "zzzz" }\n',
        {},
        [
            'camera[0].style.colormap: is "zzzz", which is not a colormap; use a matplotlib name, such as "inferno" or "turbo"'
        ],
    ),
    (
        "colormap from defaults, for two cameras, once",
        '[defaults.style]\ncolormap = "Inferno"\n' + CAM + CAM.replace('"a"', '"b"'),
        {},
        ['defaults.style.colormap: is "Inferno", which is not a colormap; did you mean "inferno"?'],
    ),
    ("heat without kind", heat('half_life = "1h"\n'), {}, ["camera[0].heats.x.kind: is missing"]),
    (
        "decaying heat without half-life",
        heat('kind = "decaying"\n'),
        {},
        ['camera[0].heats.x: is of kind "decaying" and needs half_life; add, for example, half_life = "1h"'],
    ),
    (
        "window with a half-life",
        heat('kind = "window"\nlength = "1h"\nhalf_life = "1h"\n'),
        {},
        ['camera[0].heats.x: is of kind "window", which has no half_life; remove it'],
    ),
    (
        "total with a length",
        heat('kind = "total"\nlength = "1h"\n'),
        {},
        ['camera[0].heats.x: is of kind "total", which has no length; remove it'],
    ),
    (
        "heat with a bad time of day",
        heat('kind = "total"\nsince = "25:00"\n'),
        {},
        ['camera[0].heats.x.since: is "25:00"; write a local time of day, such as "06:00"'],
    ),
    (
        "heat name",
        CAM + '[camera.heats."My Heat"]\nkind = "total"\n',
        {},
        ['camera[0].heats.My Heat: is "My Heat"; use 1 to 32 of a-z, 0-9, _ and -'],
    ),
    ("no heats", CAM + "[camera.heats]\n", {}, ["camera[0].heats: is empty; define at least one, or remove the table"]),
    (
        "every and cron",
        '[schedule]\nevery = "5m"\ncron = "* * * * *"\n' + CAM,
        {},
        ["schedule: has both every and cron; keep one"],
    ),
    (
        "every that does not divide a day",
        '[schedule]\nevery = "7m"\n' + CAM,
        {},
        ['schedule.every: is "7m", which does not fit evenly into a day; write, for example, "10m"'],
    ),
    ("every too short", '[schedule]\nevery = "5s"\n' + CAM, {}, ['schedule.every: is "5s"; must be at least "10s"']),
    (
        "cron with four fields",
        '[schedule]\ncron = "* * * *"\n' + CAM,
        {},
        [
            'schedule.cron: is "* * * *", which has 4 fields; write minute, hour, day, month and weekday, such as "*/5 9-20 * * *"'
        ],
    ),
    (
        "cron out of range",
        '[schedule]\ncron = "0 24 * * *"\n' + CAM,
        {},
        ['schedule.cron: has the hour "24"; hours go from 0 to 23'],
    ),
    (
        "cron nonsense",
        '[schedule]\ncron = "*/0 5-3 * * *"\n' + CAM,
        {},
        ['schedule.cron: has the minute "*/0"; write it as in "*", "5", "1-5", "*/10" or "8-20/2"'],
    ),
    (
        "cron on no day",
        '[schedule]\ncron = "0 0 31 2 *"\n' + CAM,
        {},
        ['schedule.cron: is "0 0 31 2 *", which names a day that none of its months has'],
    ),
    (
        "password without user",
        '[mqtt]\npassword = "hush"\n' + CAM,
        {},
        ["mqtt: has a password and no username; set username"],
    ),
    (
        "half a client certificate",
        '[mqtt]\ntls = true\nkey_file = "k.pem"\n' + CAM,
        {},
        ["mqtt: has a key_file and no cert_file; set cert_file"],
    ),
    (
        "certificate without tls",
        '[mqtt]\nca_file = "ca.pem"\n' + CAM,
        {},
        ["mqtt: has certificate files, but tls is off; set tls = true"],
    ),
    (
        "backoff upside down",
        '[supervision]\nbackoff_first = "1m"\n' + CAM,
        {},
        ["supervision: backoff_max is shorter than backoff_first"],
    ),
    (
        "hours kept shorter than five minutes",
        '[history]\nkeep_hours = "7d"\n' + CAM,
        {},
        ["history: keep_hours is shorter than keep_five_minutes"],
    ),
    (
        "source of an unknown kind",
        source("rstp://u:hush@cam/1"),
        {},
        ['camera[0].source: begins with "rstp:", which is not a known kind of source; did you mean "rtsp"?'],
    ),
    (
        "source like none",
        source("gopher://cam/1"),
        {},
        [
            'camera[0].source: begins with "gopher:", which is not a known kind of source; use rtsp, rtsps, http, https, usb, file, images, synthetic, /dev/video0 or a path'
        ],
    ),
    (
        "source with a raw password",
        source("rtsp://u:hu#sh@cam/1"),
        {},
        [
            "camera[0].source: is not a valid URL; write rtsp://HOST:PORT/PATH, and put a password with special characters into username and password, where it is used literally"
        ],
    ),
    (
        "source with a raw password that begins like a port",
        source("rtsp://u:12#hush@cam/1"),
        {},
        [
            "camera[0].source: is not a valid URL; write rtsp://HOST:PORT/PATH, and put a password with special characters into username and password, where it is used literally"
        ],
    ),
    (
        "source with a space in its password",
        source("rtsp://u:hu sh@cam/1"),
        {},
        [
            "camera[0].source: is not a valid URL; write rtsp://HOST:PORT/PATH, and put a password with special characters into username and password, where it is used literally"
        ],
    ),
    (
        "user in the URL and password beside it",
        source("rtsp://u@cam/1", 'password = "hush"\n'),
        {},
        ["camera[0].source: has a user in its URL, but a password outside it; put the user into username"],
    ),
    (
        "source without a host",
        source("rtsp:///1"),
        {},
        [
            "camera[0].source: is not a valid URL; write rtsp://HOST:PORT/PATH, and put a password with special characters into username and password, where it is used literally"
        ],
    ),
    (
        "address without its scheme",
        source("192.168.1.21/stream2"),
        {},
        [WITHOUT_SCHEME.format("192.168.1.21")],
    ),
    ("address with a port", source("cam:8554/shop"), {}, [WITHOUT_SCHEME.format("cam:8554")]),
    ("address with a login", source("u:hush@cam.local:554/1"), {}, [WITHOUT_SCHEME.format("cam.local:554")]),
    (
        "Windows path in double quotes",
        source(r"D:\film\shop.mp4"),
        {},
        ["line 3, column 20: has a backslash in double quotes, where it begins an escape; " + WINDOWS_PATH],
    ),
    (
        "Windows path whose escapes are valid",
        source(r"D:\film\new.mp4"),
        {},
        ["camera[0].source: has a backslash in double quotes, which TOML replaced; " + WINDOWS_PATH],
    ),
    (
        "Windows path of a plan's picture",
        CAM + '[[plan]]\nname = "shop"\nimage = "C:\\Users\\shop\\plan.png"\n',
        {},
        ["line 6, column 14: has a backslash in double quotes, where it begins an escape; " + WINDOWS_PATH],
    ),
    (
        "typographic quotation marks",
        "[site]\nname = \u201cshop\u201d\n" + CAM,
        {},
        ['line 2, column 8: has the typographic quotation mark \u201c; type straight ones, as in name = "till"'],
    ),
    (
        "one typographic quotation mark",
        '[site]\nname = "shop\u201d\n' + CAM,
        {},
        ['line 2, column 14: has the typographic quotation mark \u201d; type straight ones, as in name = "till"'],
    ),
    ("source empty", source(""), {}, ["camera[0].source: is empty"]),
    (
        "source with an unset variable",
        source("rtsp://${CAM_LOGIN}@cam/1"),
        {},
        ["camera[0].source: needs the environment variable CAM_LOGIN, which is not set"],
    ),
    (
        "camera password without user",
        source("rtsp://cam/1", 'password = "hush"\n'),
        {},
        ["camera[0].source: has a password and no username; set username"],
    ),
    (
        "the environment's value",
        CAM,
        {"EDGEHEAT_WEB__PORT": "eighty"},
        ['EDGEHEAT_WEB__PORT: is "eighty"; must be a whole number'],
    ),
    (
        "the environment's unknown key",
        CAM,
        {"EDGEHEAT_MQTT__PASWORD": "hush"},
        ['EDGEHEAT_MQTT__PASWORD: is not a setting; did you mean "password"?'],
    ),
    (
        "the environment's list",
        CAM,
        {"EDGEHEAT_CAMERA": "a,b"},
        ["EDGEHEAT_CAMERA: is a table or a list and must be given as JSON"],
    ),
    (
        "a home folder that is not there",
        '[storage]\npath = "~no-such-user/heat"\n' + CAM,
        {},
        ['storage.path: is "~no-such-user/heat", but there is no such home folder; write the full path'],
    ),
    (
        "a zero byte in a path",
        '[storage]\npath = "a\\u0000b"\n' + CAM,
        {},
        ['storage.path: is "a\\x00b", which is not a path; remove the zero byte'],
    ),
    (
        "a line break in a value",
        '[site]\nname = "a\\nb"\n' + CAM,
        {},
        ['site.name: is "a\\nb"; use 1 to 32 of a-z, 0-9, _ and -'],
    ),
    (
        "a line break in a key",
        '"a\\nb" = 1\n' + CAM,
        {},
        [f"a\\nb: is not a setting; the settings here are {', '.join(sorted(Config.model_fields))}"],
    ),
    (
        "a size of too many digits",
        f'[storage]\nmax_size = "{"9" * 400}GB"\n' + CAM,
        {},
        [
            f'storage.max_size: is "{"9" * 56}..., which is too large; write a number with a '
            'unit (kB, MB, GB or TB; KiB, MiB, GiB or TiB), such as "500MB" or "2GB"'
        ],
    ),
    ("digits without end", f"x = {'1' * 5000}\n", {}, [TOO_MUCH_TOML]),
    ("brackets without end", f"x = {'[' * 5000}\n", {}, [TOO_MUCH_TOML]),
    (
        "digits without end, in another base",
        f"[web]\nport = 0x{'f' * 9000}\n" + CAM,
        {},
        ["web.port: is a number with thousands of digits; must be at most 65535"],
    ),
    (
        "many at once",
        '[web]\nport = 0\n[mqtt]\nhost = ""\n' + CAM + CAM.replace("rtsp:", "rstp:"),
        {},
        [
            "mqtt.host: is empty",
            "web.port: is 0; must be at least 1",
            'camera[1].name: is "a", as in camera[0]; names must be unique',
            'camera[1].source: begins with "rstp:", which is not a known kind of source; did you mean "rtsp"?',
        ],
    ),
]


def errors_of(file: Path, env: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(file, env, run_secrets=file.parent / "no-secrets")
    return caught.value.errors


@pytest.mark.parametrize(("text", "env", "errors"), [pytest.param(*case, id=what) for what, *case in ERRORS])
def test_an_error_says_where_it_is_what_is_wrong_and_what_would_be_right(
    tmp_path: Path, text: str, env: dict[str, str], errors: list[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    wanted = [error if error.startswith("EDGEHEAT_") else f"{file}: {error}" for error in errors]
    assert errors_of(file, env) == wanted


def test_no_error_repeats_a_password() -> None:
    assert "hush" in str([text for _, text, _, _ in ERRORS])
    assert "hush" not in str([errors for *_, errors in ERRORS])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    assert errors_of(file, {}) == [f"{file}: cannot be read: No such file or directory"]


def test_a_folder_is_rejected(tmp_path: Path) -> None:
    assert errors_of(tmp_path, {}) == [f"{tmp_path}: cannot be read: Is a directory"]


def test_text_in_another_encoding_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes("# Café\n".encode("latin-1"))
    assert errors_of(file, {}) == [f"{file}: is not UTF-8 text (byte 5); save it as UTF-8"]


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CAM, "utf-8-sig")
    assert load_config(file, {}, run_secrets=tmp_path).camera[0].name == "a"


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CAM)
    secret = tmp_path / "mqtt-password"
    secret.write_bytes(b"\xff")
    assert errors_of(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == [f"{secret}: cannot be read: not UTF-8 text"]


def test_a_machine_without_a_time_zone_name_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CAM)
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: "Mars/Olympus")
    assert errors_of(file, {}) == [
        'site.timezone: this machine\'s time zone has no name; set it, for example timezone = "Europe/Oslo"'
    ]
