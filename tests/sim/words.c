#include "tests/sim/words.h"

#include "tests/sim/apdu.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Collects what an object says; words and JSON differ only in the dress. */
struct dress {
    struct sim_text *t;
    bool json;
};

static void say_text(const struct dress *d, const char *key, const char *text)
{
    if (d->json) {
        sim_text_add(d->t, ",\"%s\":", key);
        sim_text_json_string(d->t, text);
    } else if (strcmp(key, "value") == 0) {
        sim_text_add(d->t, " %s", text);
    } else {
        sim_text_add(d->t, " %s %s", key, text);
    }
}

static void say_number(const struct dress *d, const char *key, double n)
{
    /* JSON knows neither NaN nor infinity: they become strings. */
    const char *odd = isnan(n) ? "NaN" : n > 0 ? "Infinity" : "-Infinity";

    if (!isfinite(n))
        say_text(d, key, odd);
    else if (d->json)
        sim_text_add(d->t, ",\"%s\":%.9g", key, n);
    else if (strcmp(key, "value") == 0)
        sim_text_add(d->t, " %.7g", n);
    else
        sim_text_add(d->t, " %s %.7g", key, n);
}

static void say_flag(const struct dress *d, const char *key, bool on)
{
    if (on)
        sim_text_add(d->t, d->json ? ",\"%s\":true" : " %s", key);
}

static void say_bits(const struct dress *d, uint32_t bits)
{
    char s[16];

    snprintf(s, sizeof s, "0x%08X", bits);
    say_text(d, "value", s);
}

static void say_quality(const struct dress *d, uint8_t q)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } NAMES[] = {
        {SIM_Q_OV, "overflow"},    {SIM_Q_EI, "elapsed-invalid"}, {SIM_Q_BL, "blocked"},
        {SIM_Q_SB, "substituted"}, {SIM_Q_NT, "not-topical"},     {SIM_Q_IV, "invalid"},
    };

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        say_flag(d, NAMES[i].name, (q & NAMES[i].bit) != 0);
}

static void say_time(const struct dress *d, const uint8_t t[7])
{
    char s[48];
    unsigned int ms = t[0] | (unsigned int)t[1] << 8;

    snprintf(s, sizeof s, "20%02u-%02u-%02uT%02u:%02u:%02u.%03u%s", t[6] & 0x7Fu,
             t[5] & 0x0Fu, t[4] & 0x1Fu, t[3] & 0x1Fu, t[2] & 0x3Fu, ms / 1000u,
             ms % 1000u, (t[2] & 0x80u) != 0 ? " (invalid)" : "");
    say_text(d, "time", s);
}

static const char *state_name(enum sim_part part, uint32_t bits)
{
    static const char *const POINT[4] = {"intermediate", "off", "on", "indeterminate"};
    static const char *const COMMAND[4] = {"not-permitted-0", "off", "on",
                                           "not-permitted-3"};
    static const char *const STEP[4] = {"not-permitted-0", "lower", "higher",
                                        "not-permitted-3"};

    switch ((int)part) {
    case PART_DIQ: return POINT[bits & 3u];
    case PART_DCO: return COMMAND[bits & 3u];
    case PART_RCO: return STEP[bits & 3u];
    }
    return (bits & 1u) != 0 ? "on" : "off";
}

static void say_qcc(const struct dress *d, uint8_t qcc)
{
    static const char *const FREEZE[4] = {"read", "freeze", "freeze-reset", "reset"};

    say_number(d, "counters", qcc & 0x3F);
    say_text(d, "action", FREEZE[qcc >> 6]);
}

static void say_process(const struct dress *d, enum sim_part part,
                        const struct sim_value *v)
{
    switch ((int)part) {
    case PART_SIQ:
    case PART_DIQ:
        say_text(d, "value", state_name(part, v->bits));
        say_quality(d, v->quality);
        break;
    case PART_VTI:
        say_number(d, "value", v->number);
        say_flag(d, "transient", v->transient);
        break;
    case PART_NVA:
    case PART_SVA:
    case PART_R32: say_number(d, "value", v->number); break;
    case PART_BSI:
    case PART_SCD: say_bits(d, v->bits); break;
    case PART_BCR:
        say_number(d, "value", v->number);
        say_number(d, "sequence", v->qualifier & 0x1F);
        say_flag(d, "carry", (v->qualifier & 0x20) != 0);
        say_flag(d, "adjusted", (v->qualifier & 0x40) != 0);
        say_flag(d, "invalid", (v->qualifier & 0x80) != 0);
        break;
    case PART_QDS:
    case PART_QDP: say_quality(d, v->quality); break;
    case PART_SEP:
        say_text(d, "value", state_name(PART_DIQ, v->bits));
        say_quality(d, v->quality);
        break;
    case PART_SPE:
    case PART_OCI: say_bits(d, v->bits); break;
    case PART_CP16: say_number(d, "elapsed-ms", v->elapsed); break;
    }
}

static void say_control(const struct dress *d, enum sim_part part,
                        const struct sim_value *v)
{
    switch ((int)part) {
    case PART_SCO:
    case PART_DCO:
    case PART_RCO:
        say_text(d, "value", state_name(part, v->bits));
        if (v->qualifier != 0)
            say_number(d, "qu", v->qualifier);
        say_flag(d, "select", v->select);
        break;
    case PART_QOS:
        if (v->qualifier != 0)
            say_number(d, "ql", v->qualifier);
        say_flag(d, "select", v->select);
        break;
    case PART_QOI: say_number(d, "qoi", v->qualifier); break;
    case PART_QCC: say_qcc(d, v->qualifier); break;
    case PART_QRP: say_number(d, "qrp", v->qualifier); break;
    case PART_QPM: say_number(d, "qpm", v->qualifier); break;
    case PART_QPA: say_number(d, "qpa", v->qualifier); break;
    case PART_COI: say_number(d, "initialised-by", v->qualifier); break;
    case PART_TSC: say_number(d, "counter", v->bits); break;
    case PART_CP56: say_time(d, v->time); break;
    }
}

static void say_object(const struct dress *d, const struct sim_asdu *a, unsigned int i)
{
    struct sim_value v;
    uint32_t ioa;
    const uint8_t *octets = sim_asdu_object(a, i, &ioa);

    sim_text_add(d->t, d->json ? "%s{\"ioa\":%u" : "%sIOA %u",
                 i == 0    ? ""
                 : d->json ? ","
                           : "; ",
                 ioa);
    sim_value_get(a->row, octets, &v);
    for (size_t p = 0; p < SIM_PARTS_MAX; p++) {
        say_process(d, a->row->parts[p], &v);
        say_control(d, a->row->parts[p], &v);
    }
    if (a->row->id >= 120) {
        sim_text_add(d->t, d->json ? ",\"octets\":\"" : " ");
        sim_text_hex(d->t, octets, (size_t)(a->octets + a->size - octets));
        sim_text_add(d->t, d->json ? "\"" : "");
    }
    sim_text_add(d->t, d->json ? "}" : "");
}

void sim_words_asdu(struct sim_text *t, const uint8_t *asdu, size_t n, bool all)
{
    const struct dress d = {t, false};
    struct sim_asdu a;
    const char *wrong = sim_asdu_open(&a, asdu, n);
    unsigned int show = all || a.count <= SIM_WORDS_OBJECTS ? a.count : SIM_WORDS_OBJECTS;

    if (n < SIM_HEADER) {
        sim_text_add(t, "malformed ASDU: %s: ", wrong);
        sim_text_hex(t, asdu, n);
        return;
    }
    if (a.row != NULL)
        sim_text_add(t, "%s %s, ", a.row->name, a.row->words);
    else
        sim_text_add(t, "unknown type %u, ", a.type);
    sim_text_add(t, "%s%s%s, ", a.negative ? "NEGATIVE " : "", sim_cause_name(a.cause),
                 a.test ? " (test)" : "");
    if (a.oa != 0)
        sim_text_add(t, "OA %u, ", a.oa);
    sim_text_add(t, "CA %u, ", a.ca);
    if (wrong != NULL || a.row == NULL) {
        sim_text_add(t, "%s: ", wrong != NULL ? wrong : "content");
        sim_text_hex(t, asdu, n);
        return;
    }
    for (unsigned int i = 0; i < show; i++)
        say_object(&d, &a, i);
    if (show < a.count)
        sim_text_add(t, "; and %u more", a.count - show);
}

static void json_asdu(struct sim_text *t, const uint8_t *asdu, size_t n)
{
    const struct dress d = {t, true};
    struct sim_asdu a;
    const char *wrong = sim_asdu_open(&a, asdu, n);

    sim_text_add(t, ",\"type\":%u,\"name\":\"%s\",\"cot\":%u,\"cause\":\"%s\"", a.type,
                 a.row != NULL ? a.row->name : "unknown", a.cause,
                 sim_cause_name(a.cause));
    sim_text_add(
        t, ",\"negative\":%s,\"test\":%s,\"oa\":%u,\"ca\":%u,\"sq\":%s,\"count\":%u",
        a.negative ? "true" : "false", a.test ? "true" : "false", a.oa, a.ca,
        a.sq ? "true" : "false", a.count);
    if (wrong != NULL)
        sim_text_add(t, ",\"malformed\":\"%s\"", wrong);
    if (wrong == NULL && a.row != NULL) {
        sim_text_add(t, ",\"objects\":[");
        for (unsigned int i = 0; i < a.count; i++)
            say_object(&d, &a, i);
        sim_text_add(t, "]");
    }
    sim_text_add(t, ",\"asdu\":\"");
    sim_text_hex(t, asdu, n);
    sim_text_add(t, "\"");
}

const char *sim_function_name(uint8_t octet)
{
    switch (octet) {
    case SIM_STARTDT_ACT: return "STARTDT act";
    case SIM_STARTDT_CON: return "STARTDT con";
    case SIM_STOPDT_ACT: return "STOPDT act";
    case SIM_STOPDT_CON: return "STOPDT con";
    case SIM_TESTFR_ACT: return "TESTFR act";
    case SIM_TESTFR_CON: return "TESTFR con";
    }
    return "no known function";
}

void sim_words_apdu(struct sim_text *t, const uint8_t *apdu, size_t n, bool all)
{
    struct sim_apdu f;
    const char *wrong = sim_apdu_open(&f, apdu, n);

    if (wrong != NULL) {
        sim_text_add(t, "malformed APDU: %s: ", wrong);
        sim_text_hex(t, apdu, n);
    } else if (f.format == SIM_U) {
        sim_text_add(t, "%s", sim_function_name(f.function));
    } else if (f.format == SIM_S) {
        sim_text_add(t, "S, N(R) %u", f.nr);
    } else {
        if (all)
            sim_text_add(t, "I %u/%u, ", f.ns, f.nr);
        sim_words_asdu(t, f.asdu, f.asdu_size, all);
    }
}

void sim_json_apdu(struct sim_text *t, const uint8_t *apdu, size_t n)
{
    struct sim_apdu f;
    const char *wrong = sim_apdu_open(&f, apdu, n);

    if (wrong != NULL) {
        sim_text_add(t, "\"frame\":\"malformed\",\"why\":\"%s\"", wrong);
    } else if (f.format == SIM_U) {
        sim_text_add(t, "\"frame\":\"U\",\"function\":\"%s\"",
                     sim_function_name(f.function));
    } else if (f.format == SIM_S) {
        sim_text_add(t, "\"frame\":\"S\",\"nr\":%u", f.nr);
    } else {
        sim_text_add(t, "\"frame\":\"I\",\"ns\":%u,\"nr\":%u", f.ns, f.nr);
        json_asdu(t, f.asdu, f.asdu_size);
    }
    sim_text_add(t, ",\"apdu\":\"");
    sim_text_hex(t, apdu, n);
    sim_text_add(t, "\"");
}
