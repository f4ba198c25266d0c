#!/usr/bin/python3
"""Writes every variant that dnstwist makes of the domains in a file: "fuzzer domain variant" a line.

dnstwist (Debian's package) is asked for variants only: nothing is looked up."""
import sys

import dnstwist


def main():
    with open('/usr/share/dnstwist/dictionaries/common_tlds.dict', encoding='ascii') as lines:
        tlds = [line.strip() for line in lines if line.strip() and not line.startswith('#')]
    with open(sys.argv[1], encoding='ascii') as lines:
        domains = [line.strip() for line in lines if line.strip() and not line.startswith('#')]
    for number, domain in enumerate(domains, 1):
        fuzzer = dnstwist.Fuzzer(domain, tld_dictionary=list(tlds))
        fuzzer.generate()
        for variant in fuzzer.permutations():
            if variant['fuzzer'] != '*original' and variant['domain'] != domain:
                print(variant['fuzzer'], domain, variant['domain'])
        if sys.stderr.isatty():
            print(f'\r{number}/{len(domains)}', end='', file=sys.stderr)


main()
