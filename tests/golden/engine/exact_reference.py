"""Makes exact_reference.txt: sums, means and sample deviations by exact rational arithmetic, correctly rounded.
A line: count, values, sum, mean, sd; doubles as C99 hexadecimal."""
import math
import random
import struct
from fractions import Fraction


def to_double(f):  # correctly rounded: int/int true division is; overflow gives inf
    try:
        return f.numerator / f.denominator
    except OverflowError:
        return math.copysign(math.inf, f.numerator)


def sqrt_double(f):
    if f == 0:
        return 0.0
    shift = max(0, 2400 + f.denominator.bit_length() - f.numerator.bit_length())
    shift += shift % 2
    scaled = (f.numerator << shift) // f.denominator
    root = math.isqrt(scaled)
    exact = root * root == scaled and (f.numerator << shift) % f.denominator == 0
    return to_double(Fraction(2 * root + (0 if exact else 1), 2 << (shift // 2)))


def value(r, kind):
    if kind == 0:
        return round(r.uniform(-500, 500), 3)
    if kind == 1:
        return float(r.randint(-50000, 50000))
    if kind == 2:
        while True:
            x = struct.unpack('<d', struct.pack('<Q', r.getrandbits(64)))[0]
            if math.isfinite(x) and abs(x) < 1e150:
                return x
    if kind == 3:
        return r.choice([1e16, -1e16, 1.0, 2.0**-1074, 2.0**53, -2.0**53, 0.1, 1e300, -1e300, 2.0**46, 2.0**-81])
    if kind == 4:
        return math.ldexp(r.getrandbits(52), -1074 - r.randint(0, 20))
    if kind == 5:
        return 1e8 + r.choice([0.0, 2.0**-26, -2.0**-26])
    return 98.6 if r.random() < .9 else 98.7


r = random.Random(7)
for case in range(700):
    xs = [value(r, case % 7) for _ in range(r.choice([2, 3, 5, 17, 60]))]
    if case == 0:
        xs = [1e16, 1.0, -1e16]
    fs = [Fraction(x) for x in xs]
    n, s, q = len(fs), sum(fs), sum(f * f for f in fs)
    sd = sqrt_double((q - s * s / n) / (n - 1))
    print(n, *[x.hex() for x in xs], *[v.hex() if math.isfinite(v) else str(v) for v in (to_double(s) + 0.0, to_double(s / n) + 0.0, sd)])
