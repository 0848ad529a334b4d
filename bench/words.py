"""Word lists and sentence shapes of the generator; all of it written for this bench.

``{name}`` in a shape stands for one of the list of that name, or for a value of the article's own cast.
"""

from __future__ import annotations


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.replace("\n", " ").split("|"))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


FIRST_NAMES = _phrases(
    "Anna|Peter|Maria|Thomas|Laura|Daniel|Sofia|Martin|Elena|Robert|Julia|Samuel|Irene|Victor|Clara|Simon|"
    "Helen|Oscar|Nina|Paul|Alice|George|Marta|Henry|Diana|Felix|Emma|David|Sarah|Michael|Rosa|Anton|Lucia|"
    "Philip|Teresa|Edward|Hannah|Carlos|Judith|Stephen|Amelia|Patrick|Monica|Andrew|Louise|Richard|Olga|Hugo"
)
# Surnames, places and firms are put together from these, so that nobody real is meant by one.
ONSETS = _phrases(
    "Bar|Bel|Bran|Cal|Cor|Dal|Dor|Dun|El|Fal|Fen|Gar|Gren|Hal|Har|Hol|Ist|Jor|Kal|Kel|Kor|Lan|Lor|Mar|Mel|"
    "Mor|Nar|Nor|Ol|Or|Pal|Pel|Quar|Ras|Rov|Sal|Sel|Sten|Tal|Tar|Tol|Ul|Val|Ver|Vor|Wal|Wen|Yar|Zan|Zel"
)
MIDDLES = _phrases("a|e|i|o|u|an|en|in|or|er|al|il|ad|ev|ig|om|us|ath|esk|ond")
SURNAME_ENDS = _phrases(
    "ski|dovar|mann|berg|sen|vitz|kov|ello|ardi|oux|enko|idis|stad|quist|ington|worth|ley|more|rup|ansa|ette|"
    "ovan|edes|iani|ulescu|akis|horst|vall"
)
PLACE_ENDS = _phrases(
    "ton|ham|burg|ford|stead|mouth|field|bridge|haven|port|dale|wick|minster|holm|grad|polis|bury|fell|marsh|"
    "moor|strand|gate|cliff|wold"
)
FIRM_ENDS = _phrases(
    "Group|Holdings|Industries|Energy|Motors|Foods|Pharma|Bank|Logistics|Airlines|Systems|Steel|Insurance|"
    "Partners|Telecom|Retail|Shipping|Chemicals|Software|Properties"
)
BODIES = _phrases(
    "city council|regional government|transport authority|health ministry|finance ministry|university|"
    "water board|chamber of commerce|port authority|housing office|energy regulator|trade union|school board|"
    "statistics office|fire service|audit office|farmers' association|labour court|planning committee|"
    "consumer association|weather service|film institute|football association|research institute"
)
SOURCES = _phrases(
    "morning-courier.example|evening-ledger.example|coastal-times.example|northern-post.example|"
    "capital-herald.example|valley-gazette.example|market-wire.example|daily-observer.example|"
    "harbour-news.example|national-record.example|city-bulletin.example|plain-dealer-weekly.example"
)
GIVEN_TOPICS = _phrases("local|region|analysis|live|update|briefing|feature|weekend|interview|background")

# Lists that every desk can use.
LISTS: dict[str, tuple[str, ...]] = {
    "said": _phrases(
        "said|told reporters|announced|argued|explained|confirmed|warned|insisted|noted|acknowledged|claimed|"
        "added|conceded|stressed|predicted|declared|remarked|recalled"
    ),
    "role": _phrases(
        "spokeswoman|spokesman|director|chair|analyst|professor|adviser|chief engineer|head of planning|"
        "negotiator|veteran campaigner|former minister|board member|consultant|economist|project leader|"
        "local resident|treasurer|historian|union delegate"
    ),
    "when": _phrases(
        "on Monday|on Tuesday|on Wednesday|on Thursday|on Friday|late on Saturday|early on Sunday|last week|"
        "this month|earlier in the day|overnight|at the weekend|before noon|after a long session|"
        "in the first quarter|during the summer|by the end of May|since January|in early spring|next autumn"
    ),
    "adverb": _phrases(
        "quietly|sharply|unexpectedly|gradually|formally|reluctantly|unanimously|briefly|openly|steadily|"
        "narrowly|swiftly|cautiously|repeatedly|barely|eventually|partly|visibly|broadly|hardly"
    ),
    "adjective": _phrases(
        "controversial|ambitious|long-awaited|costly|modest|unusual|temporary|independent|detailed|cautious|"
        "fragile|lasting|rare|sweeping|hasty|balanced|bold|outdated|promising|disputed|careful|joint|second|"
        "confidential|public|hesitant|thorough|popular|uneven|remarkable"
    ),
    "change": _phrases(
        "rose by|fell by|slipped|climbed|dropped|grew by|shrank by|gained|lost|recovered|doubled to|"
        "eased to|jumped to|sank to|held at|edged up to|settled near"
    ),
    "quantity": _phrases("{percent}|{percent}|{money}|{count}|a third|nearly half|two fifths|a tenth"),
    "linker": _phrases(
        "Meanwhile|However|Even so|In addition|By contrast|At the same time|For now|Despite that|As a result|"
        "Until then|In practice|Elsewhere|Two days later|Behind the scenes|Not everyone agrees|All the same"
    ),
    "group": _phrases(
        "residents|commuters|small firms|parents|volunteers|engineers|visitors|pensioners|students|traders|"
        "farmers|neighbours|nurses|drivers|tenants|shopkeepers|fishermen|teachers|apprentices|investors"
    ),
    "feeling": _phrases(
        "relieved|sceptical|angry|delighted|worried|puzzled|confident|divided|exhausted|hopeful|unmoved|"
        "disappointed|surprised|impatient|grateful"
    ),
    "document": _phrases(
        "report|letter|memo|statement|survey|draft|audit|briefing|inquiry|contract|petition|timetable|"
        "feasibility study|internal note|press release|questionnaire"
    ),
    "verb": _phrases(
        "approved|rejected|postponed|welcomed|criticised|reviewed|unveiled|signed|abandoned|revised|backed|"
        "questioned|defended|completed|delayed|blocked|funded|inspected|endorsed|extended"
    ),
    "goal": _phrases(
        "cut delays|protect jobs|save energy|calm the debate|raise standards|attract visitors|avoid strife|"
        "repair trust|spread the burden|speed up decisions|limit the damage|win over doubters|reduce waste|"
        "meet a deadline|keep prices down|prevent shortages|modernise {noun}|open up {noun}"
    ),
    "doubt": _phrases(
        "whether {noun} can cope|who will pay for {noun}|how long {noun} will last|why {body1} waited|"
        "whether {org1} knew about {noun}|what {noun} means for {group}|how {place2} will respond|"
        "whether {person2} stays in office|when {noun} will begin"
    ),
    "reason": _phrases(
        "because of {qualified}|after complaints from {group}|following a {document} by {body1}|"
        "in spite of {noun}|owing to {noun} in {place2}|under pressure from {org1}|with support from {group}|"
        "as {noun} in {place1} became scarce|once {person2} stepped in|given the {adjective} state of {noun}"
    ),
}

# Shapes for any desk. Few words stand fixed side by side, so that two articles share little but grammar.
SHAPES = _lines("""
{person1}, {role} at {body1}, {said} {when} that {noun} {change} {quantity} {reason}.
{linker}, {group} in {place1} remained {feeling} about {noun} and {noun}.
"{Noun} should {goal}," {said} {person2}, "{quote}."
{Qualified} {verb} by {org1} {adverb} {change} {quantity} {when}.
The {document}, {verb} {when}, asks {doubt} and {doubt}.
In {place2}, where {noun} {change} {quantity} in {year}, {group} {adverb} {verb} the {adjective} plan.
{body1} {verb} {noun} {reason}, {said} {role} {person3}.
{linker}, {org1} hopes to {goal}, while {org2} would rather {goal}.
About {count} {group} {verb} {noun} {when}, according to {person1}.
Nobody could say {doubt}, and {person2} {adverb} declined to comment.
A {adjective} {document} from {org2} puts {noun} at {money}, {percent} above {year}.
{place1} and {place2} {adverb} {verb} {noun}, {reason}.
"{Quote}," {person1} {said}, {adverb} adding: "{quote}."
{Group} were {feeling}, {group} less so: {noun} {change} {quantity} {when}.
{person3}, a {role} from {place2}, {verb} {noun} in order to {goal}.
{linker}, {qualified} could {goal} {reason}.
It took {body1} {count} days to {goal}; {org1} {adverb} needed {count}.
Of {count} {group} asked, {percent} {verb} {noun} and {percent} felt {feeling}.
{Noun} near {place1} {change} {quantity}, a {adjective} sign, {said} {person2}.
{person1} {adverb} {verb} the {document} {when} and left {place1} for {place2}.
For {group}, {noun} matters more than {noun}; {person3} {verb} both.
{linker}, a {document} on {noun} was {adverb} {verb} by {count} {group}.
Costs of {money}, {change} {quantity} since {year}, made {body1} {feeling}.
{org1}, based in {place2}, {adverb} {verb} {qualified} worth {money}.
{Reason}, {org2} {verb} {noun} {when}.
{place1} has seen {qualified} before: in {year}, {noun} {change} {quantity}.
""")

QUOTES = _lines("""
{group} deserve {qualified}, not another {document}
we {adverb} underestimated {noun} in {place1}
nobody wants to lose {money} over {noun}
that is {adverb} true of {place2}, less so of {place1}
ask {group}, they will tell you {doubt}
{noun} alone will never {goal}
our {document} shows {noun} can {goal}
it is too early to know {doubt}
if {org1} had {verb} {noun}, {group} would be {feeling}
I have {adverb} {verb} {noun} for {count} weeks
every {document} since {year} has {verb} {noun}
let us {goal} first and talk about {noun} later
""")

HEADLINES = _lines("""
{org1} {adverb} {verb} {noun} in {place1}
{place1}: {noun} {change} {quantity}
{Group} {feeling} as {body1} {verb} {noun}
{person1} {verb} {qualified}
{Noun} and {noun}: {place2} asks {doubt}
{body1} to {goal} {reason}
{Adjective} {document} on {noun} divides {place1}
How {place2} means to {goal}
""")
