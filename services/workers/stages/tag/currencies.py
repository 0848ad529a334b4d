"""Signs, codes and names of currencies, words for percentages, scales and numbers; ``amounts`` reads them.

Values are plain facts: ISO 4217 codes, and what a million is in each language.
"""

from __future__ import annotations

from collections.abc import Mapping

# Before or behind a number. Longer signs first is the reader's care.
SIGNS: Mapping[str, str] = {
    "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "HK$": "HKD", "NZ$": "NZD",
    "S$": "SGD", "NT$": "TWD", "R$": "BRL", "Mex$": "MXN", "MX$": "MXN", "$": "USD", "£": "GBP", "€": "EUR",
    "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS", "₦": "NGN", "₫": "VND",
    "฿": "THB", "₱": "PHP", "₴": "UAH", "₵": "GHS", "₸": "KZT", "RM": "MYR", "Rs.": "INR", "Rs": "INR",
    "Rp": "IDR", "Dlrs": "USD", "dlrs": "USD", "stg": "GBP", "Fr.": "CHF", "Sfr": "CHF", "SFr": "CHF",
    "DM": "DEM", "KSh": "KES", "GH¢": "GHS", "zł": "PLN",
}  # fmt: skip
CODES = (
    "USD", "EUR", "GBP", "JPY", "CNY", "CHF", "AUD", "CAD", "NZD", "HKD", "SGD", "SEK", "NOK", "DKK", "PLN",
    "CZK", "HUF", "RON", "RUB", "TRY", "INR", "PKR", "BRL", "MXN", "ARS", "ZAR", "KRW", "THB", "MYR", "IDR",
    "PHP", "ILS", "AED", "SAR", "EGP", "NGN", "KES", "TWD", "UAH", "VND", "BDT", "QAR", "KWD", "COP", "CLP",
    "PEN", "RMB", "GHS", "UGX", "TZS", "LKR", "NPR", "KZT", "BGN", "ISK",
)  # fmt: skip
CODE_OF: Mapping[str, str] = {"RMB": "CNY"}

# Behind a number, in the singular and lower case; a plural s or es may follow.
UNITS: Mapping[str, str] = {
    "us dollar": "USD", "u.s. dollar": "USD", "american dollar": "USD", "dollar": "USD", "dólar": "USD",
    "dólare": "USD", "dollaro": "USD", "dollari": "USD", "dlr": "USD", "buck": "USD", "دولار": "USD",
    "долларов": "USD", "доллара": "USD", "доллар": "USD", "australian dollar": "AUD",
    "canadian dollar": "CAD", "hong kong dollar": "HKD", "new zealand dollar": "NZD",
    "singapore dollar": "SGD", "taiwan dollar": "TWD", "new taiwan dollar": "TWD", "jamaican dollar": "JMD",
    "zimbabwe dollar": "ZWL", "namibian dollar": "NAD", "pound sterling": "GBP", "british pound": "GBP",
    "sterling": "GBP", "quid": "GBP", "egyptian pound": "EGP", "lebanese pound": "LBP",
    "syrian pound": "SYP", "sudanese pound": "SDG", "irish pound": "IEP", "libra esterlina": "GBP",
    "livre sterling": "GBP", "euro": "EUR", "يورو": "EUR", "евро": "EUR", "yen": "JPY", "yene": "JPY",
    "yuan": "CNY", "yuane": "CNY", "renminbi": "CNY", "indian rupee": "INR", "pakistani rupee": "PKR",
    "sri lankan rupee": "LKR", "nepalese rupee": "NPR", "rupee": "INR", "rouble": "RUB", "ruble": "RUB",
    "rubel": "RUB", "rublo": "RUB", "рублей": "RUB", "рубля": "RUB", "рубль": "RUB", "гривен": "UAH",
    "гривень": "UAH", "swiss franc": "CHF", "schweizer franken": "CHF", "franken": "CHF",
    "franc suisse": "CHF", "francs suisse": "CHF", "franco suizo": "CHF", "french franc": "FRF",
    "belgian franc": "BEF", "cfa franc": "XOF", "franc cfa": "XOF", "francs cfa": "XOF",
    "swedish crown": "SEK", "swedish krona": "SEK", "swedish kronor": "SEK", "danish crown": "DKK",
    "danish krone": "DKK", "danish kroner": "DKK", "norwegian crown": "NOK", "norwegian krone": "NOK",
    "norwegian kroner": "NOK", "icelandic krona": "ISK", "czech crown": "CZK", "slovak crown": "SKK",
    "estonian kroon": "EEK", "koruna": "CZK", "rand": "ZAR", "reai": "BRL", "brazilian real": "BRL",
    "brazilian reai": "BRL", "ringgit": "MYR", "turkish lira": "TRY", "turkish lire": "TRY",
    "italian lire": "ITL", "baht": "THB", "uae dirham": "AED", "emirati dirham": "AED",
    "moroccan dirham": "MAD", "dirham": "AED", "درهم": "AED", "saudi riyal": "SAR", "qatari riyal": "QAR",
    "riyal": "SAR", "ريال": "SAR", "iranian rial": "IRR", "omani rial": "OMR", "kuwaiti dinar": "KWD",
    "iraqi dinar": "IQD", "jordanian dinar": "JOD", "bahraini dinar": "BHD", "tunisian dinar": "TND",
    "algerian dinar": "DZD", "libyan dinar": "LYD", "serbian dinar": "RSD", "yugoslav dinar": "YUM",
    "shekel": "ILS", "zloty": "PLN", "złoty": "PLN", "zlotych": "PLN", "złotych": "PLN", "naira": "NGN",
    "hryvnia": "UAH", "hryvnya": "UAH", "mexican peso": "MXN", "peso mexicano": "MXN",
    "pesos mexicano": "MXN", "philippine peso": "PHP", "argentine peso": "ARS", "peso argentino": "ARS",
    "pesos argentino": "ARS", "chilean peso": "CLP", "pesos chileno": "CLP", "colombian peso": "COP",
    "pesos colombiano": "COP", "cuban peso": "CUP", "uruguayan peso": "UYU", "kenyan shilling": "KES",
    "ugandan shilling": "UGX", "tanzanian shilling": "TZS", "somali shilling": "SOS",
    "austrian schilling": "ATS", "schilling": "ATS", "deutsche mark": "DEM", "german mark": "DEM",
    "deutschemark": "DEM", "d-mark": "DEM", "rupiah": "IDR", "forint": "HUF", "leu": "RON", "lei": "RON",
    "taka": "BDT", "kyat": "MMK", "cedi": "GHS", "birr": "ETB", "kwacha": "ZMW", "tenge": "KZT",
    "riel": "KHR", "bolivar": "VEF", "bolívare": "VEF", "quetzal": "GTQ", "lempira": "HNL",
    "guarani": "PYG", "guaraní": "PYG", "guaraníe": "PYG", "leva": "BGN", "lev": "BGN", "kuna": "HRK",
    "guilder": "NLG", "peseta": "ESP", "escudo": "PTE", "drachma": "GRD", "markka": "FIM",
}  # fmt: skip
# Words that are money only behind a million or more: pounds also weigh, and won is a verb.
UNITS_AFTER_SCALE: Mapping[str, str] = {
    "pound": "GBP", "won": "KRW", "franc": "CHF", "mark": "DEM", "lira": "TRY", "lire": "ITL", "sole": "PEN",
    "dong": "VND", "dram": "AMD", "جنيه": "EGP",
}  # fmt: skip
# Units that mean another currency where the article is in another language.
UNITS_BY_LANGUAGE: Mapping[str, Mapping[str, str]] = {
    "sv": {"krona": "SEK", "kronor": "SEK"}, "da": {"krone": "DKK", "kroner": "DKK"},
    "no": {"krone": "NOK", "kroner": "NOK"}, "nb": {"krone": "NOK", "kroner": "NOK"}, "fr": {"franc": "CHF"},
    "pl": {"zł": "PLN"}, "tr": {"lira": "TRY"}, "de": {"pfund": "GBP", "mark": "DEM"}, "pt": {"real": "BRL"},
}  # fmt: skip
HUNDREDTHS: Mapping[str, str] = {
    "cent": "USD", "pence": "GBP", "penny": "GBP", "euro cent": "EUR", "eurocent": "EUR", "céntimo": "EUR",
    "centime": "EUR",
}  # fmt: skip
# Whose cents are not dollars'.
EURO_CENTS = frozenset(("de", "fr", "it", "nl", "es", "pt", "fi"))

PERCENT: Mapping[str, float] = {
    "%": 1.0, "٪": 1.0, "percent": 1.0, "per cent": 1.0, "pct": 1.0, "percentage point": 1.0,
    "percentage pt": 1.0, "basis point": 0.01, "bp": 0.01, "por ciento": 1.0, "por cento": 1.0,
    "per cento": 1.0, "puntos básico": 0.01, "puntos porcentuale": 1.0, "prozent": 1.0,
    "prozentpunkte": 1.0, "prozentpunkt": 1.0, "prozentpunkten": 1.0, "basispunkte": 0.01, "pour cent": 1.0,
    "points de base": 0.01, "points de pourcentage": 1.0, "procent": 1.0, "prosent": 1.0, "процентов": 1.0,
    "процента": 1.0, "процент": 1.0, "بالمئة": 1.0, "بالمائة": 1.0, "في المئة": 1.0, "في المائة": 1.0,
}  # fmt: skip

SCALES: Mapping[str, float] = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "mln": 1e6, "mn": 1e6, "mio": 1e6, "m": 1e6,
    "billion": 1e9, "bln": 1e9, "bn": 1e9, "b": 1e9, "trillion": 1e12, "trn": 1e12, "tn": 1e12,
    "lakh": 1e5, "crore": 1e7,
}  # fmt: skip
# Scales follow each other: "mil millones", "hundred thousand", "lakh crore".
SCALES_BY_LANGUAGE: Mapping[str, Mapping[str, float]] = {
    "es": {"mil": 1e3, "millón": 1e6, "millones": 1e6, "billones": 1e12, "billón": 1e12},
    "pt": {"mil": 1e3, "milhão": 1e6, "milhões": 1e6, "bilhão": 1e9, "bilhões": 1e9, "trilhões": 1e12},
    "it": {"mila": 1e3, "milione": 1e6, "milioni": 1e6, "miliardo": 1e9, "miliardi": 1e9, "mld": 1e9},
    "fr": {"mille": 1e3, "million": 1e6, "millions": 1e6, "milliard": 1e9, "milliards": 1e9, "md": 1e9,
           "mds": 1e9},
    "de": {"tausend": 1e3, "millionen": 1e6, "mio.": 1e6, "milliarde": 1e9, "milliarden": 1e9, "mrd": 1e9,
           "mrd.": 1e9, "billion": 1e12, "billionen": 1e12},
    "nl": {"duizend": 1e3, "miljoen": 1e6, "miljard": 1e9},
    "sv": {"tusen": 1e3, "miljon": 1e6, "miljoner": 1e6, "miljard": 1e9, "miljarder": 1e9},
    "da": {"tusind": 1e3, "mio.": 1e6, "millioner": 1e6, "mia.": 1e9, "milliard": 1e9, "milliarder": 1e9},
    "no": {"tusen": 1e3, "millioner": 1e6, "milliard": 1e9, "milliarder": 1e9},
    "nb": {"tusen": 1e3, "millioner": 1e6, "milliard": 1e9, "milliarder": 1e9},
    "pl": {"tys.": 1e3, "milion": 1e6, "miliony": 1e6, "milionów": 1e6, "mld": 1e9, "miliard": 1e9,
           "miliardów": 1e9},
    "tr": {"bin": 1e3, "milyon": 1e6, "milyar": 1e9},
    "ru": {"тыс": 1e3, "тысяч": 1e3, "млн": 1e6, "миллион": 1e6, "миллиона": 1e6, "миллионов": 1e6,
           "млрд": 1e9,
           "миллиард": 1e9, "миллиарда": 1e9, "миллиардов": 1e9},
    "ar": {"ألف": 1e3, "آلاف": 1e3, "مليون": 1e6, "ملايين": 1e6, "مليار": 1e9, "مليارات": 1e9},
}  # fmt: skip

_ONES = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_PARTS = {
    "half": 0.5, "one-half": 0.5, "a quarter": 0.25, "one-quarter": 0.25, "one quarter": 0.25,
    "three-quarters": 0.75, "three quarters": 0.75, "a third": 1 / 3, "one-third": 1 / 3, "two-thirds": 2 / 3,
    "a tenth": 0.1, "one-tenth": 0.1, "two-tenths": 0.2, "three-tenths": 0.3,
}  # fmt: skip
# A vague number counts as the scale it names: "a few thousand" is 1,000.
NUMERALS: Mapping[str, float] = {
    "a": 1, "an": 1, "several": 1, "a few": 1, "half a": 0.5, "half an": 0.5, "ten": 10, "eleven": 11,
    "twelve": 12,
    "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19,
    "a dozen": 12, **_ONES, **_TENS,
    **{f"{ten}-{one}": _TENS[ten] + _ONES[one] for ten in _TENS for one in _ONES},
    **{f"{part} of {whole}": value for part, value in _PARTS.items() for whole in ("a", "one")},
}  # fmt: skip
NUMERALS_BY_LANGUAGE: Mapping[str, Mapping[str, float]] = {
    "de": {"ein": 1, "eine": 1, "einer": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6,
           "sieben": 7,
           "acht": 8, "neun": 9, "zehn": 10, "zwölf": 12, "zwanzig": 20, "fünfzig": 50, "hundert": 100,
           "eine halbe": 0.5, "einer halben": 0.5, "anderthalb": 1.5, "eineinhalb": 1.5},
    "es": {"un": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8,
           "nueve": 9,
           "diez": 10, "veinte": 20, "cincuenta": 50, "cien": 100, "medio": 0.5},
    "fr": {"un": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9,
           "dix": 10, "vingt": 20, "cinquante": 50, "cent": 100, "un demi": 0.5},
}  # fmt: skip
VAGUE: Mapping[str, float] = {
    "tens": 10, "dozens": 12, "hundreds": 1e2, "thousands": 1e3, "millions": 1e6, "billions": 1e9,
    "trillions": 1e12,
}  # fmt: skip
FRACTIONS: Mapping[str, float] = {
    "½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 0.125, "⅜": 0.375, "⅝": 0.625, "⅞": 0.875,
}  # fmt: skip
COMMA_IS_POINT = frozenset(
    (
        "de",
        "es",
        "fr",
        "it",
        "pt",
        "nl",
        "da",
        "sv",
        "nb",
        "no",
        "fi",
        "pl",
        "ru",
        "tr",
        "uk",
        "cs",
        "ro",
        "id",
    )
)
