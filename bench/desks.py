"""The desks of the generator's newsroom: what each one writes about, in its own words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beat:
    """One desk: its name, its nouns, and opening sentences that only it would write."""

    name: str
    nouns: tuple[str, ...]
    openings: tuple[str, ...]


def _beat(name: str, nouns: str, openings: str) -> Beat:
    listed = tuple(noun.strip() for noun in nouns.replace("\n", " ").split("|"))
    return Beat(name, listed, tuple(line.strip() for line in openings.strip().splitlines()))


BEATS = (
    _beat(
        "economy",
        "quarterly earnings|interest rates|consumer prices|the takeover bid|export orders|the bond market|"
        "wage growth|retail sales|factory output|the merger talks|car sales|oil prices|bank lending|"
        "the share price|unemployment|mortgage costs|tax revenue|foreign investment|steel tariffs|"
        "the budget deficit|pension funds|profit margins|supply contracts|the exchange rate|start-up funding",
        """
        Shares in {org1} {change} {quantity} {when} {reason}, with {noun} {adverb} weighing on {noun}.
        {org1} of {place1} reported a net profit of {money} {when} as {noun} {change} {quantity}.
        The central bank {verb} {noun} {when}, and economists in {place1} expect inflation near {percent}.
        {org1} agreed to buy {org2} for {money}, a takeover that {person1} called {adjective}.
        """,
    ),
    _beat(
        "politics",
        "the coalition agreement|the election campaign|voter turnout|the draft law|parliamentary debate|"
        "the opposition's motion|party funding|the peace talks|border controls|electoral reform|"
        "the cabinet reshuffle|asylum policy|the referendum|local government|the trade treaty|civil rights|"
        "the confidence vote|public spending|defence policy|lobbying rules|the immigration bill|sanctions",
        """
        Parliament {adverb} {verb} {noun} {when} after {count} hours of debate, {person1} of {place1} {said}.
        Prime Minister {person1} {verb} {noun} {when}, hoping to {goal} before the election.
        Voters in {place1} {adverb} {verb} {noun} by {percent} to {percent}, officials {said} {when}.
        The governing party lost {count} seats in {place1}, and {person1} {said} {noun} was to blame.
        """,
    ),
    _beat(
        "sport",
        "the cup final|the league title|the transfer market|the second half|a late penalty|the knee injury|"
        "the opening round|the coaching staff|a record crowd|the relegation battle|ticket prices|"
        "the qualifying match|the marathon course|the training camp|the defence|the goalkeeper's form|"
        "video replays|the semi-final|the youth squad|the stadium lease|doping controls|the hat-trick",
        """
        {place1} beat {place2} {score} {when} in front of {count} fans, {noun} settling a {adjective} match.
        Striker {person1} scored twice as {place1} {adverb} reached the semi-final, coach {person2} {said}.
        {person1} won the marathon in {place1} {when}, {adverb} ahead of {person2} despite {noun}.
        Coach {person1} {verb} {noun} after the {score} defeat by {place2} {when}.
        """,
    ),
    _beat(
        "science",
        "the space probe|gene therapy|ocean currents|the telescope data|battery research|machine learning|"
        "the fossil find|quantum sensors|the climate model|ice cores|protein folding|the particle detector|"
        "satellite images|soil microbes|coral reefs|the laboratory trial|rocket tests|open data|"
        "the computer simulation|bird migration|carbon storage|semiconductor design|the research grant",
        """
        Researchers from {place1} {adverb} {verb} {noun}, a {adjective} step, {person1} {said}.
        Scientists led by {person1} found that {noun} {change} {quantity} {reason}.
        A {adjective} study of {count} samples from {place1} links {noun} to {noun}.
        Engineers of {org1} switched on a {adjective} prototype in {place1} {when}, software and all.
        """,
    ),
    _beat(
        "health",
        "hospital beds|waiting lists|the vaccine trial|nursing shortages|cancer screening|antibiotics|"
        "the flu season|mental health care|the patient record|drug prices|emergency rooms|heart disease|"
        "the surgery backlog|children's clinics|medical insurance|obesity rates|blood donations|insomnia|"
        "rural practices|the outbreak|dental care|hygiene rules|clinical guidelines|the ambulance service",
        """
        Doctors in {place1} {verb} {noun} {when} after {noun} {change} {quantity} among patients.
        The hospital of {place1} {adverb} {verb} {noun}, and {count} patients had to wait, {person1} {said}.
        A vaccine made by {org1} {change} {quantity} in a {adjective} trial with {count} patients.
        Health officials {verb} {noun} {when} {reason}; {person1} spoke of a {adjective} outbreak.
        """,
    ),
    _beat(
        "weather",
        "flood defences|the storm surge|the drought|forest fires|river levels|the heatwave|landslides|"
        "drinking water|the evacuation|snow clearance|crop damage|the dam wall|air quality|rescue boats|"
        "power cuts|emergency shelters|the coastal road|insurance claims|hail damage|the warning system|"
        "peat fires|the sea wall|groundwater|the repair fund",
        """
        A storm with winds of {count} kilometres an hour hit {place1} {when}, and {noun} {change} {quantity}.
        Floods in {place1} forced {count} {group} from their homes {when}, rescuers {said}.
        Fire crews from {place2} {adverb} fought {noun} near {place1} {when}, {person1} {said}.
        Weeks without rain left {noun} in {place1} at a low, and {noun} {change} {quantity}.
        """,
    ),
    _beat(
        "courts",
        "the fraud trial|witness statements|the appeal|police records|the burglary series|bail conditions|"
        "the jury's verdict|money laundering|the drug seizure|prison places|the arrest warrant|forged papers|"
        "the bribery case|the damages claim|court fees|the missing files|the hit-and-run|expert testimony|"
        "the plea deal|cyber crime|the smuggling route|victim support|the murder inquiry|traffic offences",
        """
        A court in {place1} {when} sentenced {person1} to {small} years in prison over {noun}.
        Police arrested {small} suspects in {place1} {when} after {noun} came to light, {person1} {said}.
        Prosecutors charged a former manager of {org1} with fraud of {money}, {adverb} citing {noun}.
        Judge {person1} {adverb} {verb} {noun} {when}, to the surprise of the defence.
        """,
    ),
    _beat(
        "culture",
        "the film festival|the museum extension|a debut novel|the opera season|box office takings|"
        "the sculpture park|street theatre|the concert hall|the poetry prize|the archive|ballet classes|"
        "the exhibition|folk music|library hours|the restored fresco|streaming series|the jazz week|"
        "the publisher's list|the stage design|ticket sales|the choir|art auctions|the documentary|graffiti",
        """
        The film festival of {place1} opened {when} with a {adjective} drama by {person1} about {noun}.
        A painting lost since {year} sold for {money} in {place1} {when}, {adverb} lifting {noun}.
        Novelist {person1} won the {place1} book prize {when} for a {adjective} tale of {noun}.
        {count} visitors came to the museum in {place1}, where {noun} {change} {quantity}.
        """,
    ),
    _beat(
        "transport",
        "the railway timetable|the tram line|airport slots|bicycle lanes|the bridge repairs|ferry services|"
        "parking fees|night buses|the motorway tunnel|electric lorries|charging points|freight trains|"
        "the signal failure|road tolls|the harbour crane|driver training|speed limits|the ticket app|"
        "platform staff|the level crossing|container traffic|diesel buses|the bypass|snow ploughs",
        """
        Trains between {place1} and {place2} stood still for {small} hours {when} {reason}.
        The airport of {place1} counted {count} passengers {when}, and {noun} {change} {quantity}.
        Drivers of {org1} went on strike in {place1} {when} over {noun} and wages.
        A ferry with {count} people aboard ran aground off {place1} {when}, coastguards {said}.
        """,
    ),
)
