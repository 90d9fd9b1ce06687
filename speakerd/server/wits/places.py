"""Cities and countries, and the time zones that they keep. Pure."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ZONES = {
    "Africa": "Cairo Casablanca Johannesburg Lagos Nairobi",
    "America": "Anchorage Bogota Caracas Chicago Denver Halifax Havana Lima Los_Angeles Mexico_City Montevideo "
    "New_York Phoenix Santiago Sao_Paulo Toronto Vancouver",
    "Asia": "Baghdad Bangkok Beirut Colombo Dhaka Dubai Hong_Kong Jakarta Jerusalem Kabul Karachi Kathmandu Kolkata "
    "Kuala_Lumpur Manila Riyadh Seoul Shanghai Singapore Taipei Tehran Tokyo",
    "Atlantic": "Reykjavik Azores",
    "Australia": "Adelaide Brisbane Darwin Melbourne Perth Sydney",
    "Europe": "Amsterdam Athens Belgrade Berlin Brussels Bucharest Budapest Copenhagen Dublin Helsinki Istanbul Kyiv "
    "Lisbon London Luxembourg Madrid Moscow Oslo Paris Prague Riga Rome Sofia Stockholm Tallinn Vienna Vilnius Warsaw "
    "Zagreb Zurich",
    "Pacific": "Auckland Fiji Honolulu",
}
_ALSO = {
    "america/new_york": "boston washington miami philadelphia atlanta detroit",
    "america/los_angeles": "california seattle san_francisco las_vegas san_diego",
    "america/chicago": "texas houston dallas",
    "america/sao_paulo": "brazil rio",
    "america/toronto": "montreal ottawa",
    "america/argentina/buenos_aires": "buenos_aires argentina",
    "asia/kolkata": "india mumbai delhi new_delhi bangalore",
    "asia/shanghai": "china beijing",
    "asia/tokyo": "japan",
    "asia/seoul": "korea south_korea",
    "asia/jerusalem": "israel tel_aviv",
    "australia/melbourne": "canberra",
    "europe/amsterdam": "netherlands holland",
    "europe/athens": "greece",
    "europe/berlin": "germany munich hamburg frankfurt cologne",
    "europe/dublin": "ireland",
    "europe/helsinki": "finland",
    "europe/istanbul": "turkey",
    "europe/kyiv": "ukraine kiev",
    "europe/lisbon": "portugal",
    "europe/london": "england scotland wales britain edinburgh manchester",
    "europe/madrid": "spain barcelona",
    "europe/oslo": "norway",
    "europe/paris": "france",
    "europe/rome": "italy milan",
    "europe/stockholm": "sweden",
    "europe/vienna": "austria",
    "europe/warsaw": "poland",
    "europe/zurich": "switzerland geneva bern",
    "pacific/auckland": "new_zealand wellington",
    "pacific/honolulu": "hawaii",
    "utc": "utc greenwich",
}


def _places() -> dict[str, str]:
    places = {
        city.lower().replace("_", " "): f"{part}/{city}" for part, cities in _ZONES.items() for city in cities.split()
    }
    for zone, names in _ALSO.items():
        proper = "UTC" if zone == "utc" else re.sub(r"(?<![a-z])[a-z]", lambda letter: letter[0].upper(), zone)
        places |= {name.replace("_", " "): proper for name in names.split()}
    return places


PLACES = _places()
"""Lower-case name to IANA zone."""
_PLACE = re.compile(rf" in (?:the )?({'|'.join(sorted(PLACES, key=len, reverse=True))}) ")


def place_in(plain: str) -> tuple[str, ZoneInfo] | None:
    """The place that the words speak of, as it is written, and its zone; None without one, or without its zone here."""
    match = _PLACE.search(plain)
    if match is None:
        return None
    try:
        return match[1].title(), ZoneInfo(PLACES[match[1]])
    except (ZoneInfoNotFoundError, OSError):
        return None
