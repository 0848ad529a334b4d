"""Sentences of news that begin with a site's words, or hold them, stay; what a site says to its readers goes."""

# ruff: noqa: E501 - the lines of a page are as long as they are

import pytest

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.lines import read_line
from services.workers.stages.clean.rules import reason_to_cut
from shared.article import RawArticle, Source

SOURCE = Source("harbourpost.example", "Harbour Post")
STORY = [
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March.",
    "The service was to be cut in December to close a hole in the transport budget.",
    "A review of all routes is due in February, and the unions want a seat at the table.",
    "Tickets for the late boat cost four euros, as they did before the vote.",
]
NEWS = [
    "Subscribe to a union, the dockers were told, and your children will have a doctor.",
    "Subscribe or leave: that is the choice the club gave its 9,000 fans in June.",
    "Subscribers to the harbour fund lost a third of their money within a week.",
    "Disclaimer: no refunds, said the sign at the gate, and a judge laughed at it.",
    "Disclaimers on loan adverts must be read aloud from May, the regulator ruled.",
    "Sign up today, recruiters urged at every station, and few young men did.",
    "Register your boat now, the harbour office warned, or pay a fine of 300 euros.",
    "Join the fire brigade today, the mayor asked, because half of its men are over fifty.",
    "Join our strike here on Monday, the crane drivers told passengers over loudspeakers.",
    "Newsletters from the parish of 1890 were found behind the organ.",
    "Copyright in the song ended in January, seventy years after its writer died.",
    "Copyright claims worth four million euros were thrown out by the court.",
    "The map was printed with all rights reserved, although nobody had drawn it first.",
    "All rights reserved for fishermen since 1604 were lifted by the new law.",
    "\"We use cookies to calm the seals,\" said the keeper, who bakes them on Sundays.",
    "The port broke the treaty by continuing to use the old fuel, the judges wrote.",
    "The use of cookies by the ministry was illegal, and its policy must change.",
    "Follow the money on Instagram, advises the tax office, and you find the yachts.",
    "Like most of the town on Friday, the baker stayed at home and on line.",
    "Find a berth on line 7 of the plan, the pilot shouted, before the tide turns.",
    "Stay connected to the shore by rope, the rescuers shouted to the swimmers.",
    "Full access to the archive was granted to the families after nine years.",
    "Become a member of the alliance by spring: that remains the aim of the island.",
    "Create an account of what happened, the judge asked the three sailors.",
    "Forgotten your password for the lock? So had the bank, which opened its safe with a drill.",
    "Also on Tuesday, the ferry to the islands hit a whale and turned back.",
    "Also read at the service was a poem by the captain's daughter.",
    "Read more slowly, the head teacher tells her pupils, and the words will stay.",
    "Don't miss a single vaccine, doctors warn, because measles is back in the north.",
    "More from the fund will reach the islands, the minister said: four million in all.",
    "Click here to die was the name of the virus that stopped the cranes.",
    "Report a mistake and you are fired, three nurses told the inquiry.",
    "Photos by a neighbour showed the roof in flames before the first engine came.",
    "Video by the coast guard shows two men on the hull, one of them waving.",
    "Police knew the man from a photo by a passenger on the upper deck.",
    "Credit: that is what small fleets lack, the chamber of trade complains.",
    "Video: the old film club has bought a projector and opens on Friday.",
    "Powered by two electric engines, the boat crossed the strait in forty minutes.",
    "Designed by a student, the bridge won a prize in Vienna and will be built.",
    "Advertisements for gambling were torn down by a crowd of angry mothers.",
    "Get the children out of the water, the guard shouted, and you will be thanked.",
    "You can unsubscribe at any time, the firm had promised its victims in writing.",
    "Contact us only at night, the kidnappers wrote to the owner of the yacht.",
    "Abonnieren Sie nichts an der Haustür, rät die Polizei nach dem dritten Betrug.",
    "Newsletter und Briefe der Reederei wurden vor Gericht verlesen.",
    "Die Ermittler wollen sich am Montag ein Bild von der Lage im Hafen machen.",
    "Jetzt testen die Fischer ein Netz, das Delfine wieder freigibt.",
    "Folgen Sie uns, riefen die Streikenden, und die Menge zog zum Rathaus.",
    "Suscríbase a la huelga, pedía el canal de los estibadores, y mil lo hicieron.",
    "Sigue a la espera de juicio en Cádiz el patrón del barco hundido.",
    "Recibe el alcalde en su despacho del puerto a los vecinos sin correo ni luz.",
    "Lea el contrato antes de embarcar, recomienda el sindicato a los marineros.",
    "Inscrivez-vous sur les listes du port avant vendredi, rappelle la mairie.",
    "Abonnez-vous au silence, a lancé le capitaine aux journalistes, avant de partir.",
    "Abbonati e pendolari hanno protestato lunedì davanti al molo contro gli aumenti.",
    "Iscriviti al sindacato, ripeteva il padre, ha detto la figlia in tribunale.",
    "Assine o acordo hoje, pediu o ministro aos donos dos navios.",
    "Подпишитесь под петицией, просили жители, и мэр сказал, что прочтёт её.",
    "更多渔民在周三离开港口，当地政府表示将提供补贴。",
    "Berlangganan air bersih kini lebih mahal, kata wali kota pada hari Senin.",
]  # fmt: skip
# What a site says, some of it in words of the sentences above.
TO_READERS = [
    ("Subscribe to our newsletter for the best stories of the week.", "newsletter"),
    ("Sign up for the daily newsletter and never miss a story.", "newsletter"),
    ("Subscribe now to get unlimited access to every story.", "newsletter"),
    ("Sign up today for free.", "newsletter"),
    ("Join our channel for the latest updates from the harbour.", "newsletter"),
    ("Register now for our newsletter.", "newsletter"),
    ("By signing up, you agree to our terms and our privacy policy.", "newsletter"),
    ("You can unsubscribe at any time.", "newsletter"),
    ("Never miss a story from the northern shore again.", "newsletter"),
    ("Enter your email address to subscribe.", "newsletter"),
    ("Follow us on Instagram and Facebook for more.", "follow"),
    ("Follow Harbour Post on X and Facebook.", "follow"),
    ("Stay connected with us on Telegram.", "follow"),
    ("Download our free app for news on the go.", "follow"),
    ("Become a member and support what we do.", "paywall"),
    ("To continue reading, please log in or subscribe.", "paywall"),
    ("This article is for subscribers only.", "paywall"),
    ("Full access for one euro a month.", "paywall"),
    ("Read more: Minister said to be leaving, party sources say.", "see-also"),
    ("See also: The council voted on Wednesday, the mayor said.", "see-also"),
    ("Click here to read the full report.", "see-also"),
    ("We use cookies to make this site better for you.", "cookie-notice"),
    ("This website uses cookies so that pages load faster.", "cookie-notice"),
    ("By continuing to use this site, you agree to our use of cookies.", "cookie-notice"),
    ("Utilizamos cookies propias y de terceros para mejorar la experiencia.", "cookie-notice"),
    ("© 2025 Harbour Post. All rights reserved.", "copyright"),
    ("Copyright Harbour Post Ltd", "copyright"),
    ("Copyright 2025 by the writers of this paper.", "copyright"),
    ("This material may not be published, broadcast, rewritten or redistributed.", "copyright"),
    ("Photo by Lee Marsh for the Harbour Post.", "photo-credit"),
    ("Photo: The old pier on a grey morning in May.", "photo-credit"),
    ("Contact us with your news and pictures.", "contact"),
    ("Abonnieren Sie jetzt unseren Newsletter.", "newsletter"),
    ("Folgen Sie uns auf Facebook und Instagram.", "follow"),
    ("Lesen Sie auch: Der Streik geht weiter, sagt der Minister.", "see-also"),
    ("Suscríbete a nuestro boletín y recibe las noticias en tu correo.", "newsletter"),
    ("Síguenos en Facebook, Instagram y Telegram.", "follow"),
    ("Abonnez-vous à notre lettre pour ne rien manquer.", "newsletter"),
    ("Inscrivez-vous à notre newsletter gratuite.", "newsletter"),
    ("Iscriviti alla nostra newsletter per restare aggiornato.", "newsletter"),
    ("Assine nossa newsletter e receba as notícias do dia.", "newsletter"),
    ("Подписывайтесь на наш канал в Telegram.", "newsletter"),
    ("更多新闻", "see-also"),
]  # fmt: skip


def body(*lines: str) -> list[str]:
    raw = RawArticle("a1", SOURCE, title="Night ferry stays until the end of March", text="\n\n".join(lines))
    return clean_article(raw).article.body.split("\n")


@pytest.mark.parametrize("place", [1, 2, len(STORY)])
@pytest.mark.parametrize("sentence", NEWS)
def test_a_sentence_of_news_stays_whatever_it_begins_with(sentence, place):
    lines = [*STORY[:place], sentence, *STORY[place:]]
    assert body(*lines) == lines


@pytest.mark.parametrize(("line", "reason"), TO_READERS)
def test_a_sentence_to_the_reader_goes(line, reason):
    assert reason_to_cut(read_line(line)) == reason
    assert body(*STORY[:2], line, *STORY[2:]) == STORY
