#!/usr/bin/python3
"""usage: lookalike_weights.py [--folds] FEATURES >rules/lookalikes/weights.hpp

Fits the weights of the look-alike test's score to what `nearmiss_lookalike_slips features` prints:
a line for each mistyped domain and each legitimate one near a protected domain, with its features.
Logistic regression by Newton's method, with a ridge of 1 on every weight but the first, so that a
feature that hardly occurs has little weight. Needs nothing but Python.

  --folds  instead, fit to one half of the lines and measure on the other: at thresholds in
           hundredths the share of mistyped domains above it, and how many legitimate names"""
import collections
import math
import sys

NAMES = '''any,two_slips,key_beside,vowel,by_ear,other_letter,doubled,key_beside_put_in,put_in_front,
put_in_at_end,put_in,left_out_of_double,left_out_first,left_out_last,left_out,swapped,hyphen,dot,
no_such_ending,mistyped_ending,ending_by_one,inside_ending,provider,provider_by_two'''.replace(
    '\n', '').split(',')
LENGTHS = ['up to 2', '3', '4', '5', '6', '7', '8', '9 and 10', '11 to 13', 'more']
COUNT = len(NAMES) + 2 * len(LENGTHS)


def solve(matrix, right):
    rows = [row[:] + [value] for row, value in zip(matrix, right)]
    for at in range(COUNT):
        pivot = max(range(at, COUNT), key=lambda row: abs(rows[row][at]))
        rows[at], rows[pivot] = rows[pivot], rows[at]
        for row in range(COUNT):
            factor = rows[row][at] / rows[at][at] if row != at else 0
            if factor:
                rows[row] = [x - factor * y for x, y in zip(rows[row], rows[at])]
    return [row[COUNT] / row[at] for at, row in enumerate(rows)]


def fit(lines):
    weights = [0.0] * COUNT
    for _ in range(10):
        hessian = [[0.0] * COUNT for _ in range(COUNT)]
        gradient = [0.0] * COUNT
        for (mistyped, features), times in lines.items():
            odds = sum(weights[at] * count for at, count in features)
            share = 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))
            for at, count in features:
                gradient[at] += times * (mistyped - share) * count
                for other, others in features:
                    hessian[at][other] += times * share * (1 - share) * count * others
        for at in range(COUNT):
            ridge = 1.0 if at else 1e-6
            gradient[at] -= ridge * weights[at] if at else 0
            hessian[at][at] += ridge
        weights = [old + step for old, step in zip(weights, solve(hessian, gradient))]
    return weights


def folds(lines):
    for fold in range(2):
        ones = collections.Counter({line: n for at, (line, n) in enumerate(sorted(lines.items()))
                                    if at % 2 == fold})
        weights = fit(ones)
        for threshold in (-200, -100, -70, 0, 100):
            above = collections.Counter()
            total = collections.Counter()
            for line, times in lines.items():
                if line not in ones:
                    odds = 100 * sum(weights[at] * count for at, count in line[1])
                    total[line[0]] += times
                    above[line[0]] += times if odds >= threshold else 0
            print(f'half {fold + 1} from {threshold}: {100 * above[1] / total[1]:.1f} % of '
                  f'{total[1]} mistyped, {above[0]} of {total[0]} legitimate pairs')


def main():
    arguments = sys.argv[1:]
    measure = arguments[:1] == ['--folds']
    if len(arguments) != 1 + measure:
        sys.exit(__doc__)
    lines = collections.Counter()
    with open(arguments[-1], encoding='ascii') as file:
        for line in file:
            kind, *features = line.split()
            lines[int(kind), tuple(tuple(map(int, one.split(':'))) for one in features)] += 1
    if measure:
        folds(lines)
        return
    weights = [round(100 * weight) for weight in fit(lines)]
    mistyped = sum(n for (kind, _), n in lines.items() if kind)
    print(f'''// The weights of the features of score.hpp, in hundredths of a natural logarithm of odds.
//
// Made by contrib/bench/lookalike_weights.py from {mistyped} pairs of a mistyped domain and what was
// meant (forms, banks, mailers and commit logs of nine countries), and {sum(lines.values()) - mistyped} of a
// legitimate domain and a protected one near it.
#pragma once

#include <array>
#include <cstdint>

namespace nearmiss::lookalike {{

// clang-format off
constexpr std::array<std::int16_t, {COUNT}> weights{{''')
    for name, weight in zip(NAMES, weights):
        print(f'    {weight}, // {name}')
    for slips in ('one slip', 'two slips'):
        start = len(NAMES) + (len(LENGTHS) if slips == 'two slips' else 0)
        for length, weight in zip(LENGTHS, weights[start:]):
            print(f'    {weight}, // {slips} in a label of {length}')
    print('''};
// clang-format on

} // namespace nearmiss::lookalike''')


main()
