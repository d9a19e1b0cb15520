/*
 * Doubles to decimal digits, as few as it takes to read back the same.
 *
 * json_write.c comes here with numbers that have many. This is Grisu2 (Florian Loitsch, "Printing
 * Floating-Point Numbers Quickly and Accurately with Integers", PLDI 2010): the number and the two
 * halfway to its neighbours are multiplied by a power of ten that is known to 64 bits, and digits
 * of the upper one are taken until what they stand for lies between the neighbours for certain. In
 * one case of a thousand there would have been a digit less.
 */
#include "app/json_real.h"

#include <string.h>

/* 10^(-348 + 8i), its upper 64 bits; the exponent follows from i. */
#define FIRST_POWER (-348)
#define POWER_STEP 8

static const uint64_t powers[] = {
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
    0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
    0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
    0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
    0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
    0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
    0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
    0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
    0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
    0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
    0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
    0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
    0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
    0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
    0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
    0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
    0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
    0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
};

static const uint32_t tens[] = {1,      10,      100,      1000,      10000,
                                100000, 1000000, 10000000, 100000000, 1000000000};

struct wide { /* f * 2^e */
    uint64_t f;
    int e;
};

static struct wide normal(struct wide x)
{
    int zeros = __builtin_clzll(x.f);

    return (struct wide){x.f << zeros, x.e - zeros};
}

static struct wide multiply(struct wide x, struct wide y)
{
    unsigned __int128 product = (unsigned __int128)x.f * y.f + ((uint64_t)1 << 63);

    return (struct wide){(uint64_t)(product >> 64), x.e + y.e + 64};
}

/* The power of ten that brings a normal number with exponent @p e to one from -60 to -32. */
static struct wide power_for(int e, int *ret_k)
{
    int k = 347 - (((61 + e) * 315653) >> 20); /* 0.30103, the logarithm of 2 */
    int i = k / POWER_STEP + 1, power = FIRST_POWER + i * POWER_STEP;

    *ret_k = -power;
    return (struct wide){powers[i], ((power * 217706) >> 16) - 63};
}

struct digits {
    char *text;
    int len;
    int k; /* the digits times 10^k */
};

/* Moves the last digit towards the number itself while that is allowed. */
static void settle(struct digits *d, uint64_t delta, uint64_t rest, uint64_t unit,
                   uint64_t distance)
{
    while (rest < distance && delta - rest >= unit &&
           (rest + unit < distance || distance - rest > rest + unit - distance)) {
        d->text[d->len - 1]--;
        rest += unit;
    }
}

/* Digits of @p high until less than @p delta is left; @p distance: from the number to it. */
static void generate(struct digits *d, struct wide high, uint64_t delta, uint64_t distance)
{
    int shift = -high.e, kappa = 10;
    uint64_t one = (uint64_t)1 << shift, fraction = high.f & (one - 1), factor = 1;
    uint32_t whole = (uint32_t)(high.f >> shift);

    while (kappa > 1 && whole < tens[kappa - 1])
        kappa--;
    while (kappa > 0) {
        uint64_t rest;

        kappa--;
        d->text[d->len++] = (char)('0' + whole / tens[kappa]);
        whole %= tens[kappa];
        rest = ((uint64_t)whole << shift) + fraction;
        if (rest <= delta) {
            d->k += kappa;
            settle(d, delta, rest, (uint64_t)tens[kappa] << shift, distance);
            return;
        }
    }
    do {
        fraction *= 10;
        delta *= 10;
        factor *= 10;
        d->text[d->len++] = (char)('0' + (fraction >> shift));
        fraction &= one - 1;
        kappa--;
    } while (fraction >= delta);
    d->k += kappa;
    settle(d, delta, fraction, one, distance * factor);
}

int sl__real_digits(double value, char *text, int *ret_k)
{
    const uint64_t hidden = (uint64_t)1 << 52;
    struct wide number, high, low, power;
    struct digits d = {text, 0, 0};
    uint64_t bits, f;
    bool lower_is_near; /* the neighbour below is closer */
    int e;

    memcpy(&bits, &value, sizeof bits); /* IEEE 754 §3.4 */
    e = (int)(bits >> 52 & 0x7ff);
    f = bits & (hidden - 1);
    lower_is_near = f == 0 && e > 1;
    f |= e > 0 ? hidden : 0;
    e = (e > 0 ? e : 1) - 1075;
    number = normal((struct wide){f, e});
    high = normal((struct wide){2 * f + 1, e - 1});
    low = lower_is_near ? (struct wide){4 * f - 1, e - 2} : (struct wide){2 * f - 1, e - 1};
    low = (struct wide){low.f << (low.e - high.e), high.e};
    power = power_for(high.e, &d.k);
    number = multiply(number, power);
    high = multiply(high, power);
    low = multiply(low, power);
    high.f--; /* by so much may each product be wrong */
    low.f++;
    generate(&d, high, high.f - low.f, high.f - number.f);
    while (d.len > 1 && text[d.len - 1] == '0') {
        d.len--;
        d.k++;
    }
    *ret_k = d.k;
    return d.len;
}
