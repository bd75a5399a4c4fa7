"""What runs of several seeds say, and what they do not: averages, intervals, comparisons, verdicts in words.

Rules: every seed's value is kept, failed and stopped runs stay in the denominator, and a number that rests
on few seeds says so. The same scores give the same numbers: random draws are seeded from the scores.
`model` holds the answers and needs no numpy; the rest does, so only `ops` imports it, inside a function.
"""
