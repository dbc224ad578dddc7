"""The words of the demo's compliance database: people, places, and what goes wrong there."""

# Other scripts and their punctuation are what this file is for.
# ruff: noqa: RUF001

from typing import NamedTuple

Name = tuple[str, str]
"""A name as it is shown, and as it is written in an address."""


class NameStock(NamedTuple):
    """Names of one script; `shown` says how the two are joined."""

    given: tuple[Name, ...]
    family: tuple[Name, ...]
    shown: str = "{given} {family}"


def _names(text: str) -> tuple[Name, ...]:
    """Read `Jürgen juergen, Anke anke`."""
    shown_and_address = (entry.split() for entry in text.split(", "))
    return tuple((shown, address) for shown, address in shown_and_address)


NAMES = (
    NameStock(
        _names(
            "Alice alice, James james, Priya priya, Olivia olivia, Marcus marcus, Seán sean, Zoë zoe, Amy amy"
        ),
        _names(
            "Smith smith, O’Brien obrien, Patel patel, Baker baker, Nguyen nguyen, Okafor okafor, Reed reed"
        ),
    ),
    NameStock(
        _names("Jürgen juergen, Käthe kaethe, Łukasz lukasz, François francois, Søren soeren, Iñaki inaki"),
        _names(
            "Müller mueller, Weiß weiss, Größer groesser, Lefèvre lefevre, Sørensen soerensen, Núñez nunez"
        ),
    ),
    NameStock(
        _names("伟 wei, 秀英 xiuying, 建国 jianguo, 丽 li, 小明 xiaoming"),
        _names("王 wang, 李 li, 陈 chen, 张 zhang, 欧阳 ouyang"),
        shown="{family}{given}",
    ),
    NameStock(
        _names("さくら sakura, 健一 kenichi, 美咲 misaki, 大輔 daisuke"),
        _names("佐藤 sato, 高橋 takahashi, 渡辺 watanabe, 小林 kobayashi"),
        shown="{family} {given}",
    ),
    NameStock(
        _names("Ольга olga, Дмитрий dmitri, Наталья natalya, Сергей sergei"),
        _names("Коваленко kovalenko, Бондарь bondar, Мельник melnik, Шевчук shevchuk"),
    ),
    NameStock(
        _names("محمد mohammed, فاطمة fatima, يوسف youssef, ليلى layla"),
        _names("حداد haddad, منصور mansour, النجار alnajjar, خليل khalil"),
    ),
)
NAME_WEIGHTS = (40, 30, 9, 7, 7, 7)

DEPARTMENTS = ("Finance", "Procurement", "Sales", "Operations", "Human Resources", "IT", "Legal", "Quality")

BUSINESS_UNITS = (
    ("AUTO", "Automotive Systems"),
    ("CHEM", "Chemicals & Coatings"),
    ("CORP", "Corporate Functions"),
    ("ENRG", "Energy Services"),
    ("HLTH", "Health Products"),
    ("LOGI", "Logistics"),
    ("RETL", "Retail"),
    ("SOFT", "Software"),
)


class Place(NamedTuple):
    code: str
    name: str
    country: str
    region: str
    currency: str


LOCATIONS = (
    Place("AE-DXB", "دبي / Dubai", "United Arab Emirates", "EMEA", "AED"),
    Place("BR-GRU", "São Paulo", "Brazil", "Americas", "BRL"),
    Place("CN-SHA", "上海 / Shanghai", "China", "APAC", "CNY"),
    Place("DE-MUC", "München", "Germany", "EMEA", "EUR"),
    Place("FR-LYS", "Lyon", "France", "EMEA", "EUR"),
    Place("GB-LON", "London", "United Kingdom", "EMEA", "GBP"),
    Place("JP-OSA", "大阪 / Osaka", "Japan", "APAC", "JPY"),
    Place("PL-GDN", "Gdańsk", "Poland", "EMEA", "PLN"),
    Place("SG-SIN", "Singapore", "Singapore", "APAC", "SGD"),
    Place("UA-IEV", "Київ / Kyiv", "Ukraine", "EMEA", "UAH"),
    Place("US-AUS", "Austin", "United States", "Americas", "USD"),
    Place("US-NYC", "New York", "United States", "Americas", "USD"),
)
LOCATION_WEIGHTS = (4, 6, 8, 14, 6, 9, 5, 7, 4, 4, 12, 21)


class Category(NamedTuple):
    """`loss_chance` is the share of its cases in which money is at stake."""

    code: str
    name: str
    area: str
    loss_chance: float


CATEGORIES = (
    Category("ANTITRUST", "Antitrust", "Business integrity", 0.4),
    Category("BRIBERY", "Bribery and corruption", "Business integrity", 0.6),
    Category("CONFLICT", "Conflict of interest", "Business integrity", 0.2),
    Category("DISCRIM", "Discrimination", "People", 0.03),
    Category("EXPENSES", "Expense fraud", "Financial integrity", 0.85),
    Category("HARASS", "Harassment", "People", 0.03),
    Category("PRIVACY", "Data privacy", "Information", 0.15),
    Category("SAFETY", "Health and safety", "Workplace", 0.2),
    Category("THEFT", "Theft", "Financial integrity", 0.9),
    Category("TRADE", "Trade compliance", "Business integrity", 0.3),
)
CATEGORY_WEIGHTS = (4, 9, 10, 9, 16, 17, 11, 12, 8, 4)

CASE_TITLES: dict[str, tuple[str, ...]] = {
    "ANTITRUST": ("Prices discussed with a rival", "Bid agreed at a trade fair", "Market shared by region"),
    "BRIBERY": ("Payment to a customs agent", "Consultant without a contract", "Speed money at the port"),
    "CONFLICT": ("Supplier owned by a relative", "Undeclared board seat", "Side business with a customer"),
    "DISCRIM": ("Promotion refused because of age", "Remarks about origin", "Unequal shift planning"),
    "EXPENSES": ("Taxi receipts claimed twice", "Private trip booked as a visit", "Altered hotel invoice"),
    "HARASS": ("Unwanted messages from a superior", "Bullying on the night shift", "Shouting in meetings"),
    "PRIVACY": ("Customer list sent home", "Camera in a changing room", "Laptop lost on a train"),
    "SAFETY": ("Guard removed from a press", "Emergency exit blocked", "Forklift without a licence"),
    "THEFT": ("Copper missing from the store", "Tools sold online", "Fuel cards used at weekends"),
    "TRADE": ("Shipment to a listed customer", "End-use certificate missing", "Wrong tariff code for years"),
}

# Each begins with a character that a careless spreadsheet would take for a formula.
FORMULA_TITLES = (
    "=SUM(A1:A9) in the cost sheet was overwritten by hand",
    "=HYPERLINK pasted into a supplier form",
    "+49 89 555 0100 called twice about the same invoice",
    "-15 % rebate granted but never booked",
    "@procurement: orders split to stay below the limit",
)

SENTENCES = (
    "The reporter noticed this during the monthly reconciliation.",
    "Two colleagues have confirmed the account independently.",
    "Documents are attached; the originals are kept in the local office.",
    "The line manager was informed but took no action.",
    'According to the reporter, the answer was: "That is how we do it here."',
    "The matter may have gone on for more than a year.",
    "No customer has been affected so far, as far as is known.",
    "The reporter asks to be contacted by phone only, after 18:00.",
    "A similar concern was raised in the previous audit, finding 7.3; it was closed without a measure.",
    "Access rights have been withdrawn as a precaution.",
    "The amounts concerned are below the approval limit in every single case.",
    "An external counsel has been asked for an opinion <confidential>.",
)

LOCAL_SENTENCES: dict[str, tuple[str, ...]] = {
    "AE": ("أبلغ موظف عن المخالفة عبر الخط الساخن.", "لم يتم إبلاغ المدير المباشر بعد."),
    "BR": ("A denúncia foi feita pelo portal e não há testemunhas.", "A situação começou em março."),
    "CN": ("举报人要求匿名处理。", "相关发票金额与合同不符，需要进一步核实。"),
    "DE": (
        "Die Prüfung der Belege läuft; Rückfragen über die Personalabteilung in München.",
        "Größere Beträge fehlen.",
    ),
    "FR": ("Le témoin a été entendu à l’été ; l’enquête se poursuit.", "Aucune pièce jointe n’a été reçue."),
    "GB": ("Raised under the whistleblowing policy; amounts in £.", "The reporter is content to be named."),
    "JP": ("内部通報窓口に電話で連絡がありました。", "関係者への聞き取りを行う予定です。"),
    "PL": ("Zgłaszający prosi o poufność i szybką odpowiedź.", "Brak świadków zdarzenia."),
    "SG": ("Reported in person to the regional office 🙏", "Contractor badge logs have been requested."),
    "UA": ("Заявник просить не розголошувати його ім’я.", "Документи передано до юридичного відділу."),
    "US": ("Caller was upset 😟 and asked for a callback; naïve façade of a résumé.", "HR has been copied."),
}

CHANNELS = ("WEB", "HOTLINE", "EMAIL", "MANAGER", "IN_PERSON", "AUDIT")
CHANNEL_WEIGHTS = (38, 24, 14, 13, 7, 4)

INVESTIGATION_TYPES = ("Interview", "Document review", "Forensic", "Site visit", "Legal assessment")
CONCLUSIONS = ("Allegation confirmed", "Allegation not confirmed", "Evidence insufficient", "Passed on")

POLICIES = ("COC-2.1", "COC-4.2", "HR-11", "IT-7", "TRV-3", "PRO-9", "EHS-1")
ROOT_CAUSES = (
    "Control missing",
    "Control bypassed",
    "Training gap",
    "Pressure to perform",
    "Unclear policy",
    "其他",
)
VENDORS = (
    "Nordwind Logistik GmbH",
    "Süd & Söhne KG",
    "华东供应链有限公司",
    "Brightwater LLC",
    "Zakład Metalowy Żuraw",
)
REMEDIES = ("Training", "Warning", "Process change", "Termination", "Recovery claim", "None")

DISCLOSURE_WORDS: dict[str, tuple[str, ...]] = {
    "GIFT": (
        "Concert tickets from a supplier",
        "Hamper at the end of the year 🎁",
        "Dinner after a site visit",
    ),
    "CONFLICT_OF_INTEREST": (
        "Spouse works for a bidder",
        "Shares in a competitor",
        "Brother-in-law is a customer",
    ),
    "OUTSIDE_WORK": ("Lecturer at a university", "Board member of a sports club", "Beratung eines Start-ups"),
    "POLITICAL_CONTRIBUTION": ("Donation to a local campaign", "Candidate for the town council"),
}
DISCLOSURE_WEIGHTS = (55, 22, 19, 4)
