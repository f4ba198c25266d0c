"""Names like those on blocklists: made up, distinct, the same for the same seed."""

import random

TLDS = {
    "com": 42, "net": 6, "org": 5, "info": 4, "ru": 5, "de": 4, "xyz": 5, "top": 5, "shop": 3,
    "online": 3, "site": 2, "ml": 3, "tk": 3, "cf": 2, "ga": 2, "cn": 2, "co.uk": 2, "com.br": 2,
}
VOWELS = ("a", "e", "i", "o", "u", "ar", "en", "in")
SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvwz" for vowel in VOWELS]
WORDS = ("mail", "secure", "login", "bank", "post", "pay", "army", "cloud", "support", "account")
TYPES = (("MX", 5), ("A", 3), ("AAAA", 2))  # as a mail server asks
NUMBERS = {"A": 1, "MX": 15, "AAAA": 28}


class Maker:
    """Draws names without end, about 17 octets on average, as homepages in Debian's index have."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.tlds = random.Random(seed).choices(list(TLDS), weights=TLDS.values(), k=1 << 14)

    def name(self):
        r = self.random
        label = "".join(r.choices(SYLLABLES, k=r.choices((3, 4, 5, 6, 8), (15, 30, 30, 20, 5))[0]))
        form = r.random()
        if form < 0.2:
            label = r.choice(WORDS) + "-" + label
        elif form < 0.3:
            label += str(r.randrange(1000))
        tld = self.tlds[r.randrange(1 << 14)]
        if r.random() < 0.1:
            return f"{r.choice(WORDS)}.{label}.{tld}"
        return f"{label}.{tld}"

    def distinct(self, count, apart_from=()):
        """`count` names, none of them in `apart_from` or below a name there."""
        names = {}
        while len(names) < count:
            name = self.name()
            if name not in apart_from and name.partition(".")[2] not in apart_from:
                names[name] = None
        return list(names)


def write_domains(path, names):
    with open(path, "w", encoding="ascii") as out:
        out.writelines(f"{name}\n" for name in names)


def write_rpz(path, names):
    """The names alone, without `*.name`: half the records, to the other servers' advantage."""
    with open(path, "w", encoding="ascii") as out:
        out.write("$ORIGIN rpz.bench.\n$TTL 60\n"
                  "@ IN SOA localhost. hostmaster.rpz.bench. 1 3600 1200 604800 60\n"
                  "@ IN NS localhost.\n")
        out.writelines(f"{name} CNAME .\n" for name in names)


def type_of(name):
    """The same for the same name."""
    return random.Random(name).choices(
        [kind for kind, _ in TYPES], weights=[weight for _, weight in TYPES])[0]


def write_queries(path, names, seed):
    types = random.Random(seed).choices(
        [kind for kind, _ in TYPES], weights=[weight for _, weight in TYPES], k=len(names))
    with open(path, "w", encoding="ascii") as out:
        out.writelines(f"{name} {kind}\n" for name, kind in zip(names, types))
