/* Packets from containers: any bytes, an answer within its room. */
#include <assert.h>
#include <stdlib.h>

#include "cluster/local/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct service_endpoint pods[] = { { 1, 1 }, { 2, 2 } };
    static struct service_port port = { 80, pods, 2 };
    static struct service rows[] = { { { "web", 3 }, { "demo", 4 }, 7, NULL, 0 },
                                     { { "pods", 4 }, { "demo", 4 }, 0, &port, 1 } };
    static const struct services table = { rows, 2 };
    uint8_t *out = malloc(DNS_UDP_MAX); /* its edge is watched */
    if (out == NULL)
        return 0;
    size_t n = dns_answer(&table, data, size < DNS_UDP_MAX ? size : DNS_UDP_MAX, out, DNS_UDP_MAX);
    assert(n == 0 || (n >= 12 && n <= DNS_UDP_MAX && (out[2] & 0x80) != 0));
    free(out);
    return 0;
}
