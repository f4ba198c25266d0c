#!/usr/bin/python3
"""usage: lookalike_known.py WARNINGLISTS PROVIDERS >config/lists/known.txt

Makes the list of known-good names that ships.

  WARNINGLISTS  the folder `lists` of MISP's warning lists (CC0): the sites that are asked for most,
                banks, universities, Google's own names
  PROVIDERS     all.json of the npm package email-providers (ISC)

Providers of throw-away addresses are left out (MISP's list of these): many of them take whatever
arrives for a slip of a better known name. So are names nobody wants to read in a list.

Names under a public suffix that lets anybody register, made for a slip of a much better known one,
are in such lists too, since people land there every day. `SLIPS` holds those that were found by
comparing the lists with the mail providers (config/lists/mail-providers.txt), one by one."""
import json
import pathlib
import re
import sys

SOURCES = ('tranco10k', 'majestic_million', 'moz-top500', 'alexa', 'bank-website',
           'university_domains', 'google')

UNREAD = re.compile('porn|xxx|xvideo|xnxx|xhamster|hentai|fuck|onlyfans')

SLIPS = set('''
aol.co.uk chek.com coxmail.com duam.net duno.com fortuncity.com gamil.com geecities.com gmai.com
gmail.co gmail.om gmal.com gmial.com googel.com googlr.com homail.com hotmai.com hotmail.cm
hotmail.con hotmails.com hotmial.com huhmail.com ieg.com.br liberto.it mailinatar.com
mailinater.com mailnator.com mallinator.com mai.ru netcape.net netsero.net sbcglobal.com yaho.com
'''.split())

# Honest names that users of other look-alike filters reported as taken for a slip.
REPORTED = set('boox.com dwdl.de galp.com incogni.com lamy.com tuta.com uol.com'.split())


def suffixes():
    rules = set()
    with open('/usr/share/publicsuffix/public_suffix_list.dat', encoding='utf-8') as lines:
        for line in lines:
            line = line.strip()
            if line and not line.startswith('//'):
                rules.add(line)
    return rules


def registered(name, rules):
    """The label in front of the public suffix, and that; None for a public suffix."""
    labels = name.split('.')
    longest = 1
    for count in range(1, len(labels) + 1):
        suffix = '.'.join(labels[-count:])
        if '!' + suffix in rules:
            longest = count - 1
            break
        above = '.'.join(labels[len(labels) - count + 1:])
        if suffix in rules or (count > 1 and '*.' + above in rules):
            longest = count
    return '.'.join(labels[-longest - 1:]) if len(labels) > longest else None


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    lists = pathlib.Path(sys.argv[1])
    rules = suffixes()
    names = set()
    dates = []
    for source in SOURCES:
        read = json.loads((lists / source / 'list.json').read_text(encoding='utf-8'))
        dates.append(f'{source} {read["version"]}')
        names.update(read['list'])
    thrown_away = json.loads((lists / 'disposable-email' / 'list.json').read_text(encoding='utf-8'))
    providers = json.loads(pathlib.Path(sys.argv[2]).read_text(encoding='utf-8'))
    names.update(set(providers) - set(thrown_away['list']))
    known = set()
    for name in names:
        name = name.strip('.').lower()
        if name.isascii() and '.' in name and re.fullmatch(r'[a-z0-9.-]+', name):
            domain = registered(name, rules)
            if domain and domain not in SLIPS and not UNREAD.search(domain):
                known.add(domain)
    print('# Names that are known to be meant as themselves: nothing at or below one is a look-alike.')
    print('# Made by contrib/bench/lookalike_known.py; `known: {file: ...}` replaces it.')
    print('#')
    print('# Sources: MISP warning lists (CC0), with the versions they give themselves:')
    print(f'# {", ".join(dates[:4])},')
    print(f'# {", ".join(dates[4:])};')
    print('# email-providers 2.26.0 of npm (ISC, Jannis R). Registered domains by the public suffix')
    print('# list; slips for better known names are left out, see SLIPS in that script.')
    print('# Added: names that users of other look-alike filters reported as taken for one, see REPORTED there.')
    for name in sorted(known | REPORTED):
        print(name)


main()
