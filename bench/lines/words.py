"""Languages of the generated pages: their small words, sounds of the rest, and what their sites say.

Only the shapes of lines matter to the model, so nouns and verbs are made of syllables; whatever a rule of the
clean stage could recognise by its words is left to the rules, and to the tests of the rules.
"""

# ruff: noqa: E501 - lists of words are as long as they are

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """A language as the generator speaks it."""

    code: str
    small: tuple[str, ...]
    onsets: tuple[str, ...]
    vowels: tuple[str, ...]
    ends: tuple[str, ...]
    months: tuple[str, ...]
    promos: tuple[str, ...]  # what a site says to its readers; {n} a name, {w} a word, {d} a number
    labels: tuple[str, ...]  # short lines of blocks and controls
    known: tuple[str, ...]  # lines that the rules know as furniture
    to_reader: tuple[str, ...]  # small words of those who write to their readers
    capital_nouns: bool = False


def _cut(text: str) -> tuple[str, ...]:
    return tuple(piece.strip() for piece in text.replace("\n", " ").split("|"))


ENGLISH = Language(
    "en",
    _cut(
        "the|the|the|a|an|of|of|to|to|in|in|and|and|is|are|was|that|for|on|with|as|at|by|from|it|this|has|have|had|"
        "be|but|not|which|who|he|she|they|we|will|would|his|her|their|its|said|after|before|when|about|more|than"
    ),
    _cut("b|br|c|ch|cl|d|dr|f|fl|g|gr|h|k|l|m|n|p|pl|r|s|st|str|t|th|tr|v|w"),
    _cut("a|e|i|o|u|ea|ou|ai"),
    _cut("|n|r|t|l|s|ck|nd|st|ng|ment|tion|ing|ed|er|ly|al"),
    _cut("January|February|March|April|May|June|July|August|September|October|November|December|Nov.|Sept."),
    _cut(
        "Get {n}'s best {w} in one place, every {w}|Let our {w} find you: pick your {w} and {w}|Hear {n} talk about {w}"
        " on our {w} podcast|Try {n} Plus for {d} months and save {d}%|Do you know more about {w}? Tell our desk|"
        "You have read {d} of {d} free stories this month|Our picks of the week, chosen by {n}|Win tickets to {n} with"
        " our readers' draw|Have we got something wrong? Write to our standards desk|Keep {n} free for everyone: give"
        " what you can|Want to hear from us? Choose your alerts in your account settings|This page loads better in our"
        " app|Play our {w} quiz and see how you compare with other readers"
    ),
    _cut(
        "News|Sport|World|Live|Opinion|Video|Read Later|Copied!|Saved|Listen|Gallery|In pictures|Promo|Partner news|"
        "Our picks|Staff picks|Hot right now|Explore|Watch live|Story timeline|Up top|On air|Quick links|Your account|"
        "View {d} more|{d} replies|Verified|Report this|Top comment|Sort by best|Editor's note|About the newsroom|"
        "Latest in {w}|{n} staff|Contributing writer|Senior editor|via {n}|{n} archive|Swipe|Full screen|Slide {d}"
    ),
    (
        "Advertisement",
        "Read more: {n} and {w}",
        "Share on Facebook",
        "Photo: {n}",
        "Subscribe to our newsletter",
        "{d} comments",
        "By {n}",
        "Sign in",
        "© 2024 {n}",
    ),
    ("your", "our", "you", "here", "more", "us", "read", "next", "page", "site"),
)
GERMAN = Language(
    "de",
    _cut(
        "der|die|das|und|ist|nicht|ein|eine|zu|mit|von|den|dem|auf|für|sich|des|im|an|als|auch|es|hat|werden|wird|bei|"
        "nach|sie|er|wie|oder|aber|noch|nur|über"
    ),
    _cut("b|br|d|dr|f|g|h|k|kl|l|m|n|p|r|s|sch|st|t|tr|v|w|z"),
    _cut("a|e|i|o|u|ä|ö|ü|ei|au|ie"),
    _cut("n|r|t|l|st|ng|ung|heit|en|er|te|lich|schaft|"),
    _cut("Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"),
    _cut(
        "Unsere besten {w} der Woche, ausgesucht von {n}|Testen Sie {n} plus für {d} Euro im Monat|Haben Sie einen"
        " Fehler entdeckt? Schreiben Sie unserer Redaktion|Mehr aus Ihrer Region lesen Sie in unserer App|Diskutieren"
        " Sie mit uns über {w}|Hören Sie {n} in unserem Podcast|Ihre Meinung zählt: stimmen Sie ab"
    ),
    _cut(
        "Politik|Sport|Meinung|Video|Bildergalerie|Später lesen|Mehr aus {n}|Themen des Tages|Live|Ihre Lesezeichen|"
        "{d} Antworten|Zur Startseite|Anhören|Neu auf {n}|Aus dem Archiv|Autorin|Redaktion {n}"
    ),
    (
        "Anzeige",
        "Lesen Sie auch: {n}",
        "Foto: {n}",
        "Newsletter abonnieren",
        "Kommentare ({d})",
        "Von {n}",
        "Startseite",
    ),
    ("ihre", "ihr", "unser", "uns", "mehr", "lesen", "hier", "artikel"),
    capital_nouns=True,
)
SPANISH = Language(
    "es",
    _cut(
        "el|la|los|las|de|de|que|y|en|un|una|es|se|del|por|con|para|al|lo|como|más|pero|sus|su|le|ya|o|fue|este|ha|sí|"
        "porque|esta|entre|cuando|no"
    ),
    _cut("b|c|d|f|g|j|l|ll|m|n|p|pr|r|s|t|tr|v|z|gr|cr"),
    _cut("a|e|i|o|u|ie|ue|á|ó"),
    _cut("|n|r|s|do|da|ción|dad|ar|mente|os|as"),
    _cut("enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"),
    _cut(
        "Lo mejor de {n} cada mañana, elegido por nuestra redacción|Prueba {n} durante {d} meses por {d} euros|Escucha"
        " a {n} en nuestro pódcast|¿Has visto un error? Escribe a nuestra redacción|Descarga nuestra aplicación y lee"
        " sin límites|Participa en nuestra encuesta sobre {w}"
    ),
    _cut(
        "Portada|Deportes|Opinión|Vídeos|En directo|Galería|Leer después|Nuestra selección|{d} respuestas|Lo último|"
        "Ahora en portada|Más en {n}|Redacción {n}|Archivado en|Autor|De interés"
    ),
    (
        "Publicidad",
        "Lea también: {n}",
        "Foto: {n}",
        "Suscríbete al boletín",
        "{d} comentarios",
        "Por {n}",
        "Inicio",
    ),
    ("nuestro", "nuestra", "más", "leer", "aquí", "tu"),
)
FRENCH = Language(
    "fr",
    _cut(
        "le|la|les|de|des|et|est|une|un|dans|qui|pour|du|il|elle|que|sur|ne|se|ce|plus|par|au|avec|son|sa|ont|été|mais|"
        "ou|aux|comme|cette|en"
    ),
    _cut("b|br|c|ch|d|f|g|j|l|m|n|p|pl|r|s|t|tr|v|gr"),
    _cut("a|e|i|o|u|é|è|ou|ai|eau|oi"),
    _cut("|n|r|t|s|ment|tion|er|ée|eur|té|que"),
    _cut("janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"),
    _cut(
        "Le meilleur de {n} chaque matin, choisi par notre rédaction|Essayez {n} pendant {d} mois pour {d} euros|Écoutez"
        " {n} dans notre podcast|Une erreur ? Écrivez à notre rédaction|Donnez votre avis sur {w}|Retrouvez toute"
        " l'actualité dans notre application"
    ),
    _cut(
        "À la une|Sport|Opinions|Vidéos|En direct|Diaporama|Lire plus tard|Notre sélection|{d} réponses|Nos choix|"
        "Dans la même rubrique|Rédaction {n}|Auteur|À voir|Services"
    ),
    (
        "Publicité",
        "À lire aussi : {n}",
        "Photo : {n}",
        "{d} commentaires",
        "Par {n}",
        "Accueil",
        "Suivez-nous sur Instagram",
    ),
    ("notre", "nos", "votre", "vos", "lire", "ici", "article"),
)
ITALIAN = Language(
    "it",
    _cut(
        "il|la|i|le|di|che|e|un|una|in|per|non|con|del|della|è|si|da|al|sono|ha|come|ma|anche|più|nel|alla|lo|gli|dei|"
        "ai|suo|sua|o"
    ),
    _cut("b|c|d|f|g|gr|l|m|n|p|pr|r|s|t|tr|v|z|sc"),
    _cut("a|e|i|o|u|io|ia|à"),
    _cut("|n|r|to|ta|zione|mento|re|ti|no|li"),
    _cut("gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre"),
    _cut(
        "Il meglio di {n} ogni mattina, scelto dalla nostra redazione|Prova {n} per {d} mesi a {d} euro|Ascolta {n} nel"
        " nostro podcast|Hai visto un errore? Scrivi alla nostra redazione|Di' la tua su {w}"
    ),
    _cut(
        "Cronaca|Sport|Opinioni|Video|In diretta|Fotogalleria|Leggi dopo|Le nostre scelte|{d} risposte|In evidenza|"
        "Altro su {n}|Redazione {n}|Autore"
    ),
    ("Pubblicità", "Leggi anche: {n}", "Foto: {n}", "Di: {n}", "Condividi", "Menu"),
    ("nostro", "nostra", "tuo", "leggi", "qui", "anche"),
)
PORTUGUESE = Language(
    "pt",
    _cut(
        "o|a|os|as|de|do|da|que|e|em|um|uma|para|com|não|se|na|no|por|mais|dos|como|mas|ao|ele|das|seu|sua|ou|quando|"
        "foi|também|é|são"
    ),
    _cut("b|c|d|f|g|l|lh|m|n|nh|p|pr|r|s|t|tr|v|x"),
    _cut("a|e|i|o|u|ão|ei|á|ê"),
    _cut("|r|s|do|da|ção|dade|mente|os|ar|es"),
    _cut("janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"),
    _cut(
        "O melhor de {n} todas as manhãs, escolhido pela nossa redação|Experimente {n} por {d} meses|Ouça {n} no nosso"
        " podcast|Viu um erro? Escreva para a nossa redação|Baixe agora o nosso guia de {w}"
    ),
    _cut(
        "Capa|Esportes|Opinião|Vídeos|Ao vivo|Galeria|Ler depois|Nossa seleção|{d} respostas|Você pode gostar|"
        "Mais em {n}|Redação {n}|Autor"
    ),
    ("Publicidade", "Leia também: {n}", "Foto: {n}", "Por {n}", "Compartilhar", "Menu"),
    ("nosso", "nossa", "seu", "leia", "aqui", "sobre"),
)
# Written without spaces: a word of the generator is a character or two.
UNSPACED = Language(
    "zz",
    _cut("の|に|は|を|た|が|で|て|と|し|れ|さ|も|な"),
    _cut("日|本|国|会|人|年|大|十|二|中|長|出|三|同|時|政|事|自|行|社|見|月|分|議|後|前|民|生|連"),
    _cut("一|者|力|地|発|合|対|場|定|内|業|部|度|実"),
    _cut("|的|化|性"),
    _cut("1月|2月|3月|4月|5月|6月|7月|8月|9月|10月|11月|12月"),
    _cut("{n}の最新記事をアプリで|会員登録は無料です|{w}についてのご意見をお寄せください"),
    _cut("社会|経済|動画|写真|人気|特集|もっと見る|あとで読む|前へ|次へ"),
    ("広告", "関連記事", "写真：{n}", "Tweet"),
    ("私", "君"),
)
LANGUAGES = (ENGLISH, ENGLISH, ENGLISH, GERMAN, SPANISH, FRENCH, ITALIAN, PORTUGUESE, UNSPACED)
