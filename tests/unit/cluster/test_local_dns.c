/* The name server: questions and answers as packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster/local/dns.h"

enum { A = 1, AAAA = 28, ANY = 255, IN = 1, CHAOS = 3, NOERROR = 0, FORMERR = 1, NXDOMAIN = 3, NOTIMP = 4 };

static struct service_endpoint two_pods[] = { { 0xc6120002, 8080 }, { 0xc6120003, 8080 } };
static struct service_port pod_ports[] = { { 80, two_pods, 2 }, { 443, two_pods, 2 } };
static struct service table_rows[] = { { { "web", 3 }, { "demo", 4 }, 0xc6130001, NULL, 0 },
                                       { { "pods", 4 }, { "demo", 4 }, 0, pod_ports, 2 },
                                       { { "idle", 4 }, { "demo", 4 }, 0, NULL, 0 } };
static const struct services table = { table_rows, COUNT(table_rows) };

static const struct row {
    const char *name, *question;
    unsigned type, class, rcode, answers;
    uint32_t first;
} rows[] = {
    { "service", "web.demo.svc.cluster.local", A, IN, NOERROR, 1, 0xc6130001 },
    { "in any case", "WeB.Demo.SVC.cluster.LOCAL", A, IN, NOERROR, 1, 0xc6130001 },
    { "headless: each pod once", "pods.demo.svc.cluster.local", A, IN, NOERROR, 2, 0xc6120002 },
    { "headless without pods", "idle.demo.svc.cluster.local", A, IN, NOERROR, 0, 0 },
    { "AAAA of a known name is empty, not unknown", "web.demo.svc.cluster.local", AAAA, IN, NOERROR, 0, 0 },
    { "any type", "web.demo.svc.cluster.local", ANY, IN, NOERROR, 1, 0xc6130001 },
    { "another class", "web.demo.svc.cluster.local", A, CHAOS, NOERROR, 0, 0 },
    { "unknown service", "db.demo.svc.cluster.local", A, IN, NXDOMAIN, 0, 0 },
    { "another namespace", "web.other.svc.cluster.local", A, IN, NXDOMAIN, 0, 0 },
    { "a name in front", "x.web.demo.svc.cluster.local", A, IN, NXDOMAIN, 0, 0 },
    { "the world", "example.com", A, IN, NXDOMAIN, 0, 0 },
    { "search of a search", "web.demo.svc.cluster.local.demo.svc.cluster.local", A, IN, NXDOMAIN, 0, 0 },
    { "only the zone", "svc.cluster.local", A, IN, NXDOMAIN, 0, 0 },
    { "root", "", A, IN, NXDOMAIN, 0, 0 },
};

static size_t make_query(uint8_t *out, const char *name, unsigned type, unsigned class)
{
    static const uint8_t head[12] = { 0x12, 0x34, 0x01, 0x00, 0, 1 };
    struct str rest = str_c(name), label;
    size_t n = sizeof head;
    memcpy(out, head, n);
    while (rest.n > 0) {
        str_split(&rest, S("."), &label);
        out[n++] = (uint8_t)label.n;
        memcpy(out + n, label.p, label.n);
        n += label.n;
    }
    const uint8_t tail[] = { 0, 0, (uint8_t)type, 0, (uint8_t) class };
    memcpy(out + n, tail, sizeof tail);
    return n + sizeof tail;
}

static void answers_row(void **state)
{
    const struct row *r = *state;
    uint8_t query[512], answer[DNS_UDP_MAX];
    size_t n = make_query(query, r->question, r->type, r->class);
    size_t m = dns_answer(&table, query, n, answer, sizeof answer);
    assert_int_equal(m, n + 16 * r->answers);
    assert_memory_equal(answer, query, 2);
    assert_int_equal(answer[2] & 0x86, 0x84); /* response, authoritative, whole */
    assert_int_equal(answer[3] & 0x0f, r->rcode);
    assert_int_equal(answer[7], r->answers);
    assert_memory_equal(answer + 12, query + 12, n - 12);
    if (r->answers > 0) {
        const uint8_t *ip = answer + n + 12;
        assert_int_equal((uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3], r->first);
    }
}

static void many_pods_are_cut(void **state)
{
    struct service_endpoint pods[100];
    for (uint32_t i = 0; i < COUNT(pods); i++)
        pods[i] = (struct service_endpoint){ 0xc6120002 + i, 80 };
    struct service_port port = { 80, pods, COUNT(pods) };
    struct service one = { S("many"), S("demo"), 0, &port, 1 };
    struct services many = { &one, 1 };
    uint8_t query[512], answer[DNS_TCP_MAX];
    size_t n = make_query(query, "many.demo.svc.cluster.local", A, IN);
    size_t m = dns_answer(&many, query, n, answer, DNS_UDP_MAX);
    assert_true(m <= DNS_UDP_MAX);
    assert_int_equal(answer[2] & 0x02, 0x02); /* ask again by TCP */
    m = dns_answer(&many, query, n, answer, sizeof answer);
    assert_int_equal(m, n + 16 * COUNT(pods));
    assert_int_equal(answer[2] & 0x02, 0);
}

static void bad_packets(void **state)
{
    uint8_t query[512], answer[DNS_UDP_MAX];
    size_t n = make_query(query, "web.demo.svc.cluster.local", A, IN);
    assert_int_equal(dns_answer(&table, query, 11, answer, sizeof answer), 0);
    for (size_t cut = 12; cut < n; cut++) { /* every prefix: an answer that says so, never a read past its end */
        assert_int_equal(dns_answer(&table, query, cut, answer, sizeof answer), 12);
        assert_int_equal(answer[3] & 0x0f, FORMERR);
    }
    query[2] |= 0x80;
    assert_int_equal(dns_answer(&table, query, n, answer, sizeof answer), 0);
    query[2] = 0x28; /* update */
    assert_int_equal(dns_answer(&table, query, n, answer, sizeof answer), 12);
    assert_int_equal(answer[3] & 0x0f, NOTIMP);
    query[2] = 0x01;
    query[12] = 0xc0; /* a pointer in a question, to itself */
    query[13] = 12;
    assert_int_equal(dns_answer(&table, query, n, answer, sizeof answer), 12);
    assert_int_equal(answer[3] & 0x0f, FORMERR);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows) + 2];
    size_t n = 0;
    for (; n < COUNT(rows); n++)
        tests[n] = (struct CMUnitTest){ rows[n].name, answers_row, NULL, NULL, (void *)(uintptr_t)&rows[n] };
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(many_pods_are_cut);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(bad_packets);
    return _cmocka_run_group_tests("dns", tests, n, NULL, NULL);
}
