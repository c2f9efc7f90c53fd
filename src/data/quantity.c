/* Quantities: decimalSI, binarySI and decimalExponent of Kubernetes' apimachinery (pkg/api/resource/quantity.go). */
#include "data/quantity.h"

static const struct {
    const char *suffix;
    double factor;
} units[] = {
    { "Ki", 1024.0 },
    { "Mi", 1048576.0 },
    { "Gi", 1073741824.0 },
    { "Ti", 1099511627776.0 },
    { "Pi", 1125899906842624.0 },
    { "Ei", 1152921504606846976.0 },
    { "n", 1e-9 },
    { "u", 1e-6 },
    { "m", 1e-3 },
    { "k", 1e3 },
    { "M", 1e6 },
    { "G", 1e9 },
    { "T", 1e12 },
    { "P", 1e15 },
    { "E", 1e18 },
    { "", 1.0 },
};

/* Not what C reads besides: "inf", "nan", "0x10". */
static bool read_number(struct str text, double *out)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\0' || strchr("0123456789.+-eE", text.p[i]) == NULL)
            return false;
    return str_to_double(text, out);
}

bool quantity_read(struct str text, double *out)
{
    for (size_t i = 0; i < COUNT(units); i++) {
        struct str suffix = str_c(units[i].suffix);
        double n;
        if (!str_ends(text, suffix) || !read_number(str_slice(text, 0, text.n - suffix.n), &n))
            continue;
        *out = n * units[i].factor;
        return true;
    }
    return false;
}
