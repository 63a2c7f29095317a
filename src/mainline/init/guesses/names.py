"""What a column's name tells: the words by which people name identifiers, times, codes and people."""

from __future__ import annotations

from mainline.init.kinds import words


def listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


IDENTIFIER = listed(
    "id ids key uuid guid number no nr num identifier ident rownames rowname row index idx serial reference ref "
    "record instant"
)
NUMBERING = listed("id ids key uuid guid number no nr num ref identifier")  # as the last word of a name
COUNTER = listed("rownames rowname row index idx id unnamed instant record x no obs observation")
ENTITY = listed(
    "customer client patient account user subject person member household driver student employee participant "
    "merchant seller buyer borrower applicant respondent device machine sensor kunde konto patientid customerid "
    "userid accountid clientid cust acct usr pid uid mouse rat animal pupil teacher school player donor guest "
    "vehicle vin email phone iban imei msisdn specimen family usuario utilisateur paciente klant kundennr subjid"
)
CODE = listed(
    "zip zipcode postal postcode plz code region zone category cat type vendor payment channel method brand "
    "product sku shop store branch dept department carrier airline station sector industry segment currency "
    "country state city county district language group"
)
CALENDAR = listed("year month day hour minute week weekday quarter yr dow doy dayofweek mnth hr season holiday")
BORN = listed("birth born dob birthday birthdate geburtsdatum")
AFTER = listed(
    "closed close closing updated update modified reported resolved deleted ended end completed delivered returned "
    "settled labelled labeled outcome discharge discharged died churned cancelled canceled finished processed "
    "reviewed exit left termination terminated shipped arrived dropoff paid last"
)
BEFORE = listed(
    "created create opened open at time timestamp date datetime started start order ordered purchase purchased "
    "pickup transaction event admission admitted issued issue booked booking submitted observed recorded measured "
    "ts when departs request requested visit"
)
WITHIN = listed(
    "line position pos item seq sequence visit wave round step rank rep replicate trial version lineno linenumber"
)  # counts within something else: an order's lines
WEIGHT = listed("freq frequency fnlwgt wgt pweight perwt fweight nobs sampleweight haeufigkeit häufigkeit")
WAIT = listed("futime followup duration survival lifetime timetoevent tte elapsed uptime dauer duree duracion")
PROTECTED = listed(
    "race sex gender religion religious ethnicity ethnic ethnicgroup nationality disability disabled marital "
    "maritalstatus afam geschlecht sexe veteran pregnant orientation caste skincolor maritl religiousness"
)
GROUPS_OF_PEOPLE = listed("black white asian native hispanic minority latino latina")  # or a colour, a team
PERSON = listed("is race ethnic ethnicity person applicant borrower patient group flag")
ASKED = listed("age single married pregnancy birthplace citizenship agegroup alter")
AGE_GROUP = listed("group cat category band range bracket bin")


def says(name: str, known: frozenset[str]) -> bool:
    """Whether one of the words of a column's name, or the name itself, is a known one."""
    return not known.isdisjoint({*words(name), name.lower()})


def is_identifier(name: str) -> bool:
    """Named like an identifier: `id`, `customer_id`, `order no`; not `body_mass_index`, nor `number_of_calls`."""
    found = words(name)
    return bool(found) and (
        name.lower() in IDENTIFIER
        or found[-1] in NUMBERING
        or found[0] in ("id", "uuid")
        or (found[0] in COUNTER and len(found) == 1)
    )


def is_entity(name: str) -> bool:
    """Named like someone or something with several rows: `customer`, `CustomerID`; not `account_length`."""
    found = words(name)
    if not found:
        return False
    last, *earlier = reversed(found)
    return last in ENTITY or name.lower() in ENTITY or (last in NUMBERING and not ENTITY.isdisjoint(earlier))


def is_calendar(name: str) -> bool:
    """Named like a part of the calendar: `month`, `pickup_hour`; not `total_day_minutes`."""
    found = words(name)
    return bool(found) and found[-1] in CALENDAR


def is_protected(name: str) -> bool:
    found = frozenset(words(name))
    if "age" in found and not AGE_GROUP.isdisjoint(found):
        return True
    if {"native", "country"} <= found or {"country", "birth"} <= found:
        return True
    # `black` and `race_black`, not `WhiteSox_home`.
    of_people = GROUPS_OF_PEOPLE & found
    return says(name, PROTECTED) or bool(of_people and found - of_people <= PERSON)
