/* Decimals and doubles against the C library, for chosen numbers and for many mixed ones. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../cmocka_all.h"
#include "data/decimal.h"
#include "data/gofmt.h"

static void reads_exactly(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0.0",
        "0.1",
        "1e22",
        "1e23",
        "9007199254740993",
        "9007199254740993e-5",
        "1.7976931348623157e308",
        "4.9e-324",
        "123456789012345678901234567890",
        "0.000000000000000000000000000012345678901234567",
        "5e-28",
        "+2.5",
        "6.02214076e23",
        "18446744073709551615e-19",
        "9223372036854775807e27",
        "1.00000000000000011102230246251565",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        double f = 0, want = strtod(texts[i], NULL);
        assert_true(decimal_parse(str_c(texts[i]), &f));
        if (memcmp(&f, &want, sizeof f) != 0)
            fail_msg("%s: %.17g, want %.17g", texts[i], f, want);
    }
}

static const struct {
    double f;
    const char *want;
} shortest[] = {
    { 0.1, "0.1" },
    { 1.0 / 3, "0.3333333333333333" },
    { 0.30000000000000004, "0.30000000000000004" },
    { 123456.789, "123456.789" },
    { 1e21, "1e+21" },
    { 1e-7, "1e-07" },
    { 5e-324, "5e-324" },
    { 9007199254740993, "9.007199254740992e+15" },
    { 0x1p-24, "5.960464477539063e-08" }, /* the range of a power of two is narrower below it */
    { 0x1p-44, "5.684341886080802e-14" },
    { 2.2250738585072014e-308, "2.2250738585072014e-308" },
    { -0.00001, "-1e-05" },
};

static void prints_the_fewest_digits(void **state)
{
    char room[GO_FLOAT_MAX];

    for (size_t i = 0; i < COUNT(shortest); i++) {
        struct str got = go_float(room, shortest[i].f, 64);
        if (!str_is(got, shortest[i].want))
            fail_msg("%.17g: %.*s, want %s", shortest[i].f, STR(got), shortest[i].want);
    }
}

static uint64_t mix(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* Do fewer digits than the ones given read back as `f` too? */
static bool fewer_would_do(double f, uint64_t digits, int exponent)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)digits);

    snprintf(text, sizeof text, "%.*e", n > 1 ? n - 2 : 0, f);
    return n > 1 && strtod(text, NULL) == f;
}

static void agrees_with_the_library(void **state)
{
    uint64_t seed = 88172645463325252u, digits = 0;
    int exponent = 0;
    char text[64];

    for (int i = 0; i < 20000; i++) {
        double f = (double)(mix(&seed) >> mix(&seed) % 60) * pow(10, (double)(mix(&seed) % 34) - 24), back = 0;
        snprintf(text, sizeof text, "%.*g", 1 + (int)(mix(&seed) % 19), f);
        assert_true(decimal_parse(str_c(text), &back));
        assert_true(back == strtod(text, NULL));
        if (f == 0 || !decimal_shortest(f, &digits, &exponent))
            continue;
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
        assert_true(strtod(text, NULL) == f);
        assert_false(fewer_would_do(f, digits, exponent));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_exactly),
        cmocka_unit_test(prints_the_fewest_digits),
        cmocka_unit_test(agrees_with_the_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
