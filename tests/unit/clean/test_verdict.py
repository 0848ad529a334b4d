"""Pages that are no articles, each with its reason; and short or odd articles, which must pass."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from __future__ import annotations

import json

import pytest

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.verdict import REASONS, PageFacts, of_page
from services.workers.stages.outcomes import Cleaned
from shared.article import RawArticle, Source

SITE = "https://harbourpost.example"
MENU = "".join(
    f'<li><a href="/{name}">{name.title()}</a></li>' for name in ("news", "sport", "culture", "weather")
)
HEAD = f'<header><a href="/">Harbour Post</a><nav><ul>{MENU}</ul></nav></header>'
FOOT = '<footer><p>© 2026 Harbour Post Ltd. All rights reserved.</p><a href="/privacy">Privacy policy</a></footer>'
STORY = (
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March.",
    "The service, which costs about £180,000 a year, was to be cut in December to close a hole in the budget.",
    "“People who clean the hospital at four in the morning cannot swim to work,” said councillor Miriam Oake.",
    "Under the agreement the ferry will leave every ninety minutes instead of every hour, the council said.",
)
ARTICLE = {"@type": "NewsArticle", "headline": "Ferry stays", "datePublished": "2026-03-03T10:00:00Z"}


def page(title: str, body: str, *, linked: object = None, head: str = "") -> str:
    block = f'<script type="application/ld+json">{json.dumps(linked)}</script>' if linked else ""
    return f"<!doctype html><html><head><title>{title}</title>{head}{block}</head><body>{HEAD}{body}{FOOT}</body></html>"


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def judge(markup: str, url: str | None = f"{SITE}/news/ferry-stays-for-the-winter") -> str | None:
    return clean(markup, url).rejected


def clean(markup: str, url: str | None) -> Cleaned:
    return clean_article(RawArticle("a1", Source("harbourpost.example"), html=markup, url=url))


def cards(count: int, teaser: str = "The council will decide on it in the coming weeks, it said.") -> str:
    return "".join(
        f'<div class="item"><h3><a href="/news/{n}">The {n}th story of the day from the northern shore</a></h3><p>{teaser}</p></div>'
        for n in range(count)
    )


FEEDS = {
    "RSS": '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel><title>x</title></channel></rss>',
    "RSS with a stylesheet": '<?xml version="1.0"?><?xml-stylesheet href="f.xsl"?><!-- feed --><rss version="2.0"></rss>',
    "RSS with a doctype": '<!DOCTYPE rss PUBLIC "-//Netscape" "http://x.example/rss.dtd"><rss version="0.91"></rss>',
    "Atom": '\ufeff<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>x</title></feed>',
    "Atom with a prefix": '<atom:feed xmlns:atom="http://www.w3.org/2005/Atom"></atom:feed>',
    "RDF": '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF>',
    "JSON feed": '{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": []}',
    "JSON feed, title first": '{"title": "x", "version": "https:\\/\\/jsonfeed.org\\/version\\/1", "items": []}',
    "site map": '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"></urlset>',
    "index of site maps": "<sitemapindex></sitemapindex>",
    "outline": '<opml version="2.0"></opml>',
}


@pytest.mark.parametrize("markup", FEEDS.values(), ids=FEEDS.keys())
def test_feeds_and_site_maps_are_no_pages(markup):
    assert judge(markup) == "feed"


ERRORS = {
    "404": page("404 Not Found", "<h1>Not Found</h1><p>The requested URL was not found on this server.</p>"),
    "404 with a name": page("Page not found | Harbour Post", "<h1>Sorry!</h1><p>We can't find the page you are looking for. It may have been moved or deleted.</p><p>Try searching, or go back to the home page.</p>"),
    "404 that lists stories": page("Page not found", f"<h1>Page not found</h1><p>The page you requested does not exist.</p><h2>Most read</h2>{cards(5)}"),
    "404 in a text only": page("Harbour Post", "<main><p>Oops! That page can’t be found.</p><p>It looks like the page you are looking for no longer exists.</p></main>"),
    "403": page("403 Forbidden", "<h1>403 Forbidden</h1><p>You don't have permission to access this resource.</p><hr><p>nginx</p>"),
    "access denied": page("Access Denied", "<h1>Access Denied</h1><p>You don't have permission to access \"http://harbourpost.example/\" on this server.</p><p>Reference #18.2d351ab8.1557333295.a4e16ab</p>"),
    "500": page("Internal Server Error", "<p>The server encountered an internal error and was unable to complete your request.</p>"),
    "502": page("harbourpost.example | 502: Bad gateway", "<h1>Bad gateway</h1><p>The web server reported a bad gateway error.</p><p>Please try again in a few minutes.</p>"),
    "503": page("503 Service Temporarily Unavailable", "<p>The server is temporarily unable to service your request due to maintenance downtime or capacity problems. Please try again later.</p>"),
    "database": page("Database Error", "<h1>Error establishing a database connection</h1>"),
    "too many": page("Too Many Requests", "<p>You have sent too many requests. Please try again later.</p>"),
    "challenge": page("Just a moment...", "<h1>Checking your browser before accessing harbourpost.example.</h1><p>This process is automatic. Your browser will redirect to your requested content shortly.</p><p>DDoS protection by Cloudflare</p><p>Ray ID: 5f2c9d</p>"),
    "robot": page("Are you a robot? - Harbour Post", "<p>We've detected unusual activity from your computer network.</p><p>To continue, please click the box below to let us know you're not a robot.</p>"),
    "captcha": page("harbourpost.example", "<p>Please verify you are a human.</p><p>Complete the CAPTCHA below to continue.</p>"),
    "interruption": page("Pardon Our Interruption...", "<p>As you were browsing something about your browser made us think you were a bot.</p>"),
    "javascript": page("Harbour Post", "<noscript>x</noscript><p>You need to enable JavaScript to run this app.</p>"),
    "javascript, as an article": page("Ferry stays", "<p>Please enable JavaScript to view this page.</p>", linked=ARTICLE),
    "region": page("451: Unavailable due to legal reasons", "<p>We recognise you are attempting to access this website from a country belonging to the European Economic Area. This content is not available in your region.</p>"),
    "German": page("Seite nicht gefunden – Talblick", "<h1>Hoppla!</h1><p>Die gesuchte Seite wurde leider nicht gefunden.</p><p>Zur Startseite</p>"),
    "French": page("Page introuvable", "<p>Désolé, la page que vous recherchez n'existe plus.</p><p>Retour à l'accueil</p>"),
    "Spanish": page("Página no encontrada", "<p>Lo sentimos, la página que busca no existe o ha sido movida.</p>"),
    "Portuguese": page("Página não encontrada", "<p>Desculpe, a página que procura não foi encontrada.</p>"),
    "Italian": page("Pagina non trovata", "<p>Ci dispiace, la pagina non esiste più.</p>"),
    "Russian": page("Страница не найдена", "<p>Запрашиваемая страница не найдена или была удалена.</p>"),
    "Japanese": page("ページが見つかりません", "<p>お探しのページは見つかりませんでした。</p>"),
}  # fmt: skip


@pytest.mark.parametrize("markup", ERRORS.values(), ids=ERRORS.keys())
def test_error_pages_that_came_as_pages_are_rejected(markup):
    assert judge(markup) == "error-page"


CONSENT = {
    "English": page("Before you continue", "<div class='box'><h1>Before you continue</h1><p>We and our 842 partners store and/or access information on a device, such as cookies, and process personal data.</p><p>You can change your settings at any time, including withdrawing your consent, by clicking on the cookie policy.</p><p>By clicking “Accept all” you agree to this.</p></div>"),
    "in an own words": page("Harbour Post", "<div><p>We use cookies and similar technologies to personalise content and ads.</p><p>Select “Accept all” to agree, or manage your choices.</p><p>Your privacy matters to us.</p></div>"),
    "German": page("Zustimmung", "<div><p>Wir und unsere Partner verarbeiten personenbezogene Daten mit Cookies auf Ihrem Endgerät.</p><p>Sie können Ihre Einwilligung jederzeit widerrufen.</p><p>Akzeptieren und weiter</p></div>"),
    "French": page("Votre vie privée", "<div><p>Avec votre accord, nous et nos partenaires utilisons des cookies pour stocker des données.</p><p>Vous pouvez retirer votre consentement à tout moment.</p><p>Continuer sans accepter</p></div>"),
}  # fmt: skip


@pytest.mark.parametrize("markup", CONSENT.values(), ids=CONSENT.keys())
def test_walls_that_ask_for_consent_are_rejected(markup):
    assert judge(markup) == "consent-wall"


PROMPTS = (
    "Subscribe to continue reading", "To continue reading, subscribe or log in.", "This article is for subscribers only.",
    "Already a subscriber? Log in to continue reading.", "You have reached your limit of free articles.",
    "Sign in or register to read the full story", "Subscriber-only content",
    "Jetzt weiterlesen mit TalblickPlus", "Dieser Artikel ist nur für Abonnenten lesbar.", "Exklusiv für Abonnenten",
    "Il vous reste 70 % de cet article à lire. La suite est réservée aux abonnés.", "Cet article est réservé aux abonnés",
    "Para seguir leyendo, suscríbete", "Contenido exclusivo para suscriptores", "Contenuto riservato agli abbonati",
    "Para continuar lendo, assine", "Conteúdo exclusivo para assinantes", "Om verder te lezen heeft u een abonnement nodig",
    "För att läsa hela artikeln, logga in", "Aby czytać dalej, kup dostęp", "Доступно только по подписке",
    "この記事は有料会員限定です。", "لمتابعة القراءة اشترك الآن", "Okumaya devam etmek için abone olun",
)  # fmt: skip


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_beginning_of_an_article_that_is_sold_is_a_stub(prompt):
    stub = f"<article><h1>Council votes to keep night ferry running</h1>{paragraphs(*STORY[:2])}<div class='wall'><p>{prompt}</p></div></article>"
    assert judge(page("Council votes to keep night ferry running", stub)) == "paywall-stub"


@pytest.mark.parametrize(
    "beside",
    [
        "<section><button>Subscribe to continue reading</button></section>",
        "<div class='subscription-offer'><p>To continue reading, <b>subscribe</b></p></div>",
    ],
)
def test_a_prompt_beside_the_text_counts_too(beside):
    stub = f"<article><h1>Council votes to keep night ferry running</h1>{paragraphs(*STORY[:2])}</article>{beside}"
    assert judge(page("Council votes to keep night ferry running", stub)) == "paywall-stub"


def test_metadata_that_say_a_text_is_sold_make_a_short_one_a_stub():
    stub = f"<article><h1>Ferry stays</h1>{paragraphs(*STORY[:2])}</article>"
    for said in (False, "False", "http://schema.org/False"):
        assert (
            judge(page("Ferry stays", stub, linked=ARTICLE | {"isAccessibleForFree": said})) == "paywall-stub"
        )
        part = {"@type": "WebPageElement", "isAccessibleForFree": said, "cssSelector": ".wall"}
        assert judge(page("Ferry stays", stub, linked=ARTICLE | {"hasPart": part})) == "paywall-stub"


def test_a_sold_article_that_came_whole_passes():
    whole = f"<article><h1>Ferry stays</h1>{paragraphs(*STORY * 2)}</article>"
    assert judge(page("Ferry stays", whole, linked=ARTICLE | {"isAccessibleForFree": False})) is None
    short = f"<article><h1>Ferry stays</h1>{paragraphs(*STORY[:2])}</article>"
    said = ARTICLE | {"isAccessibleForFree": False, "wordCount": 39}
    assert judge(page("Ferry stays", short, linked=said)) is None


def test_a_stub_in_a_plain_text_is_rejected_too():
    text = "\n\n".join(
        ("Council votes to keep night ferry running", *STORY[:2], "Subscribe to continue reading")
    )
    raw = RawArticle("a1", Source("harbourpost.example"), text=text)
    assert clean_article(raw).rejected == "paywall-stub"


LISTS = {
    "front page": (page("Harbour Post", cards(20)), f"{SITE}/"),
    "front page with a query-less index": (page("Harbour Post", cards(20)), f"{SITE}/index.html"),
    "front page of an edition": (page("Harbour Post", cards(20)), f"{SITE}/en/"),
    "front page that calls itself an article": (page("Harbour Post", cards(20), head='<meta property="og:type" content="article">'), f"{SITE}/"),
    "front page by its canonical address": (page("Harbour Post", cards(20), head=f'<link rel="canonical" href="{SITE}/">'), None),
}  # fmt: skip
SECTIONS = {
    "section": (page("Politics | Harbour Post", f"<h1>Politics</h1>{cards(12)}"), f"{SITE}/politics"),
    "tag": (page("Ferry", f"<h1>Ferry</h1>{cards(5)}"), f"{SITE}/tag/ferry"),
    "search": (page("Search results for ferry", cards(5)), f"{SITE}/?s=ferry"),
    "second page": (page("News", cards(5)), f"{SITE}/news/page/2"),
    "writer": (page("Dana Whitlock", f"<h1>Dana Whitlock</h1><p>Dana covers transport.</p>{cards(6)}"), f"{SITE}/author/dana-whitlock"),
    "list that says so": (page("Ferries", cards(5), linked={"@type": "CollectionPage"}), f"{SITE}/ferries"),
    "links only": (page("Links", "<ul>" + "".join(f'<li><a href="/n/{n}">The {n}th story of the day from the shore</a></li>' for n in range(15)) + "</ul>"), f"{SITE}/overview"),
}  # fmt: skip


@pytest.mark.parametrize(("markup", "url"), LISTS.values(), ids=LISTS.keys())
def test_front_pages_are_rejected(markup, url):
    assert judge(markup, url) == "front-page"


@pytest.mark.parametrize(("markup", "url"), SECTIONS.values(), ids=SECTIONS.keys())
def test_pages_that_only_lead_to_others_are_rejected(markup, url):
    assert judge(markup, url) == "section-page"


BRIEF = "A man was taken to hospital after a small boat ran aground at the north shore early on Monday. The coastguard said that he had been alone on board. Nobody else was hurt, and the harbour stayed open throughout the day."
PASSES = {
    "a brief of 40 words": page("Man hurt as boat runs aground", f"<article><h1>Man hurt as boat runs aground</h1><p>{BRIEF}</p></article>"),
    "a flash": page("Bridge closed", "<article><h1>Bridge closed</h1><p>BREAKING: The harbour bridge is closed after a lorry fire.</p></article>", linked=ARTICLE),
    "a brief beside many headlines": page("Man hurt as boat runs aground", f"<article><h1>Man hurt as boat runs aground</h1><p>{BRIEF}</p></article><div>{cards(12)}</div>"),
    "a brief on a site that sells itself": page("Man hurt as boat runs aground", f"<div class='top'><a href='/subscribe'>Subscribe now</a></div><article><h1>Man hurt as boat runs aground</h1><p>{BRIEF}</p></article><p>Already a subscriber? Log in</p><div hidden><p>Subscribe to continue reading</p></div>"),
    "about paywalls": page("Paper drops its paywall", "<article><h1>Paper drops its paywall</h1><p>The Ledger will drop its paywall in May, it said on Monday. Readers had to subscribe to continue reading after five articles a month. The paper called the wall “a mistake of ten years”.</p></article>"),
    "about a 404 page": page("The 404 page that became art", "<article><h1>The 404 page that became art</h1><p>A museum has bought a web page that says “page not found”. Its maker, who calls herself Null, built it in 1999 and never changed a line of it. Visitors can see the page on a screen from Friday, the museum said.</p></article>"),
    "about numbers like 404": page("404 jobs to go at ferry yard", "<article><h1>404 jobs to go at ferry yard</h1><p>The ferry yard will cut 404 jobs by the end of the year, its owner said on Monday. Unions called for talks. Some 500 people gathered outside the gates in the afternoon and stayed until the evening.</p></article>"),
    "about cookies": page("Sites must ask for cookies, court says", "<article><h1>Sites must ask for cookies, court says</h1><p>Web sites must ask before they store cookies, a court ruled on Tuesday. The judges said that a box that is ticked already is no consent. Consumer groups welcomed the ruling, and an advertisers' group said it would appeal.</p></article>"),
    "about access": page("Access denied", "<article><h1>Access denied</h1><p>Hundreds of people with wheelchairs could not board the night ferry last year, a report says. The ramps were too steep, its authors found. The council promised new ones by the spring and said that it was sorry for the delay.</p></article>"),
    "about bots": page("Robots sort parcels at harbour", "<article><h1>Robots sort parcels at harbour</h1><p>Robots now sort every parcel that arrives at the harbour. Workers verify the labels by hand. The machines came from a firm in the south and cost four million pounds, the port said in a statement on Friday.</p></article>"),
    "in an address of lists": page("Ferry stays", f"<article><h1>Council votes to keep the ferry</h1>{paragraphs(*STORY)}</article>{cards(10)}"),
    "a liveblog": page("Storm: live", f"<h1>Storm on the coast: live updates from the shore</h1><p>Follow the storm as it reaches the northern shore tonight, with reports from our team.</p>{''.join(f'<div class=post><h2>{n}:15</h2><p>The wind has reached {n} miles an hour at the pier, the harbour office says.</p></div>' for n in range(50, 70))}", linked={"@type": "LiveBlogPosting", "headline": "Storm"}),
    "about a closed lock": page("Harbour lock shut for two nights", "<article><h1>Harbour lock shut for two nights</h1><p>The big lock of the harbour will be shut for two nights for scheduled maintenance, the port office said on Tuesday. Boats should use the old lock. The bridge over it is currently unavailable.</p></article>"),
    "about a site that is down": page("Ferry booking site fails on first day", "<article><h1>Ferry booking site fails on first day</h1><p>The booking site of the ferry is currently unavailable, the council said on Thursday. The server could not cope with the rush, it wrote.</p><p>Users saw the words “service unavailable” for hours.</p></article>"),
    "about an error, under its name": page("Service unavailable", "<article><h1>Service unavailable</h1><p>Something went wrong at the shore's biggest bank on Monday. An error occurred in its computers, the bank told its customers in a letter.</p><p>Please try again later was all that the machines would say to them.</p></article>"),
    "about the words of an error page": page("Page not found: a short history of four words", "<article><h1>Page not found: a short history of four words</h1><p>The page you are looking for could not be found. No other words of the web are read as often.</p><p>They go back to a lab in the mountains, and to a clerk with a sense of humour. Few of those who came later had one.</p></article>"),
    "about consent": page("Cookie boxes must go", "<article><h1>Cookie boxes must go</h1><p>“We use cookies and value your privacy”: every site says so, and a judge said on Friday that it is not enough.</p><p>“By clicking accept you agree” is no consent either, the court ruled.</p></article>"),
    "paragraphs that are only broken lines": page("Ferry stays", "<div><b>Ferry stays for now</b><br>" + "<br><br>".join(STORY) + f"</div>{cards(9)}"),
}  # fmt: skip


@pytest.mark.parametrize("markup", PASSES.values(), ids=PASSES.keys())
def test_short_and_odd_articles_pass(markup):
    assert judge(markup) is None


def sold(body: str, *, free: bool | None = None, title: str = "Ferry stays") -> str | None:
    linked = ARTICLE if free is None else ARTICLE | {"isAccessibleForFree": free}
    return judge(page(title, f"<main>{body}</main>", linked=linked))


WHOLE = f"<article><h1>Ferry stays</h1>{paragraphs(*STORY)}</article>"
LABELS = (
    "Unlock unlimited access for £1", "Premium content", "For subscribers only", "Exclusive to members: win a ferry trip",
    "Nur für Abonnenten", "Réservé aux abonnés", "Solo para suscriptores", "Riservato agli abbonati",
    "Become a member to unlock the quiz", "Register to continue reading our newsletters",
)  # fmt: skip


@pytest.mark.parametrize("label", LABELS)
def test_what_is_said_of_other_articles_beside_a_whole_one_does_not_count(label):
    assert (
        sold(f"{WHOLE}<div><span>{label}</span><a href='/t'>How the old tunnel was built</a></div>") is None
    )
    assert sold(f"<div><span>{label}</span></div>{WHOLE}") is None


@pytest.mark.parametrize("label", [LABELS[2], *LABELS[4:8]])
def test_the_same_words_right_under_a_text_or_beside_one_that_is_cut_short_count(label):
    under = f"<article><h1>Ferry stays</h1>{paragraphs(*STORY[:2])}<div><span>{label}</span></div></article>"
    assert sold(under) == "paywall-stub"
    short = f"<article><h1>Ferry stays</h1>{paragraphs(STORY[0], STORY[1][:60] + '…')}</article>"
    assert sold(f"{short}<div><span>{label}</span></div>") == "paywall-stub"


def test_a_label_under_the_text_counts_also_where_it_was_cut():
    facts = PageFacts(below=("Nur für Abonnenten",))
    assert of_page("Ferry stays", STORY[0], facts) == "paywall-stub"
    assert of_page("Ferry stays", STORY[0], PageFacts(beside=facts.below)) is None


def test_a_sentence_of_the_article_is_no_prompt():
    for last in (
        "Members only evenings will return to the ferry in May, the club said.",
        "To continue reading, visitors of the site had to pay nine pounds a month.",
    ):
        assert sold(f"<article><h1>Ferry stays</h1>{paragraphs(*STORY[:2], last)}</article>") is None
    middle = paragraphs(STORY[0], "Unlock the gates", *STORY[1:])
    assert sold(f"<article><h1>Ferry stays</h1>{middle}</article>") is None


def test_a_whole_text_of_a_site_that_marks_all_as_sold_passes():
    assert sold(f"<article><h1>Ferry stays</h1>{paragraphs(*STORY[:3])}</article>", free=False) is None
    cut = paragraphs(STORY[0], STORY[1], STORY[2][:70])
    assert sold(f"<article><h1>Ferry stays</h1>{cut}</article>", free=False) == "paywall-stub"


def test_what_only_another_article_says_of_itself_does_not_count():
    other = {
        "@type": "NewsArticle",
        "headline": "Seal pup in car park",
        "url": f"{SITE}/news/seal",
        "isAccessibleForFree": False,
    }
    body = f"<article><h1>Ferry stays for the winter</h1>{paragraphs(*STORY[:2])}</article>"
    assert judge(page("Ferry stays for the winter", body, linked=[other])) is None


def test_a_list_that_is_an_article_passes():
    items = "".join(
        f"<h2><a href='/news/{n}'>The {n}th story of the year from the shore</a></h2><p>It was a good one.</p>"
        for n in range(10)
    )
    body = f"<article><h1>Ten stories that we liked this year</h1>{items}</article>"
    assert judge(page("Ten stories that we liked this year", body)) is None
    assert (
        judge(page("Ten stories that we liked this year", body.replace("article>", "div>"))) == "section-page"
    )


@pytest.mark.parametrize("tag", ["p", "div"])
def test_a_brief_under_a_second_level_heading_that_is_the_title_passes(tag):
    brief = f"<div><h2>Boat aground</h2><{tag}>{BRIEF}</{tag}></div>{cards(12)}"
    assert judge(page("Boat aground | Harbour Post", brief)) is None
    assert judge(page("News | Harbour Post", brief)) == "section-page"


def test_an_article_with_a_headline_at_the_root_of_a_site_passes():
    body = f"<article><h1>Ferry stays for the whole winter</h1>{paragraphs(*STORY)}</article>"
    assert judge(page("Ferry stays for the whole winter", body), f"{SITE}/") is None
    assert judge(page("Ferry stays for the whole winter", body + cards(5)), f"{SITE}/") == "front-page"


def test_a_flash_that_is_only_its_headline_stays():
    cleaned = clean(
        page(
            "Ferry stays for the whole winter",
            "<article><h1>Ferry stays for the whole winter</h1><p>FERRY STAYS FOR THE WHOLE WINTER</p></article>",
        ),
        None,
    )
    assert (cleaned.rejected, cleaned.article.body) == (None, "Ferry stays for the whole winter")
    shell = clean(
        page(
            "Ferry stays for the whole winter", "<article><h1>Ferry stays for the whole winter</h1></article>"
        ),
        None,
    )
    assert shell.rejected == "too-little-text"


def test_an_article_at_the_root_of_a_site_passes_when_it_says_so_and_reads_like_one():
    body = f"<article><h1>Ferry stays</h1>{paragraphs(*STORY)}</article>"
    assert judge(page("Ferry stays", body, linked=ARTICLE), f"{SITE}/") is None
    assert judge(page("Ferry stays", body), f"{SITE}/") == "front-page"


def test_an_article_in_a_folder_of_lists_passes():
    body = f"<article><h1>Council votes to keep the ferry</h1>{paragraphs(*STORY)}</article>{cards(10)}"
    assert (
        judge(page("Ferry stays", body), f"{SITE}/topics/council-votes-to-keep-the-night-ferry-running")
        is None
    )


@pytest.mark.parametrize("body", ["", "<p>Loading…</p>", "<p>Photo gallery</p>", "<p>12</p>"])
def test_too_little_text_is_rejected(body):
    assert judge(page("", f"<main>{body}</main>").replace(HEAD, "").replace(FOOT, "")) in (
        "empty",
        "too-little-text",
    )


def test_every_reason_is_a_word_of_the_list():
    given = {judge(markup) for markup in (*FEEDS.values(), *ERRORS.values(), *CONSENT.values())}
    given |= {judge(*case) for case in (*LISTS.values(), *SECTIONS.values())}
    assert given <= set(REASONS)
    assert all(word == word.lower() and " " not in word for word in REASONS)
    assert len(set(REASONS)) == len(REASONS)
