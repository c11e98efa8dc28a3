#include "proxy/cli/decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value of a field, or several, in a word. */
struct word {
    uint8_t first, last;
    const char *text; /* NULL ends a list */
    bool counted;     /* "group" and the number within the range */
};

/* Bits of one octet of an element. */
struct bits {
    uint8_t element; /* enum element */
    uint8_t octet;
    uint8_t mask;
    const char *name;
    const struct word *words; /* NULL: the number alone */
    const char *flag;         /* what 1 means; NULL: no flag */
};

#define ANY(first, last, text)                                                           \
    {                                                                                    \
        first, last, text, false                                                         \
    }
#define IS(value, text) ANY(value, value, text)
#define GROUPS(first, last, text)                                                        \
    {                                                                                    \
        first, last, text, true                                                          \
    }
#define END                                                                              \
    {                                                                                    \
        0, 0, NULL, false                                                                \
    }

static const struct word ON_OFF[] = {IS(0, "off"), IS(1, "on"), END};
static const struct word DPI[] = {IS(0, "indeterminate or intermediate"), IS(1, "off"),
                                  IS(2, "on"), IS(3, "indeterminate"), END};
static const struct word DCS[] = {IS(0, "not permitted"), IS(1, "off"), IS(2, "on"),
                                  IS(3, "not permitted"), END};
static const struct word RCS[] = {IS(0, "not permitted"), IS(1, "next step lower"),
                                  IS(2, "next step higher"), IS(3, "not permitted"), END};
static const struct word SELECT[] = {IS(0, "execute"), IS(1, "select"), END};
static const struct word QU[] = {IS(0, "no additional definition"),
                                 IS(1, "short pulse"),
                                 IS(2, "long pulse"),
                                 IS(3, "persistent output"),
                                 ANY(4, 15, "reserved"),
                                 ANY(16, 31, "private"),
                                 END};
static const struct word QL[] = {IS(0, "default"), ANY(1, 63, "reserved"),
                                 ANY(64, 127, "private"), END};
static const struct word COI[] = {
    IS(0, "local power switch on"), IS(1, "local manual reset"), IS(2, "remote reset"),
    ANY(3, 31, "reserved"),         ANY(32, 127, "private"),     END};
static const struct word QOI[] = {IS(0, "not used"),
                                  ANY(1, 19, "reserved"),
                                  IS(20, "station interrogation"),
                                  GROUPS(21, 36, "interrogation of group"),
                                  ANY(37, 63, "reserved"),
                                  ANY(64, 255, "private"),
                                  END};
static const struct word RQT[] = {IS(0, "not used"),        GROUPS(1, 4, "counter group"),
                                  IS(5, "general request"), ANY(6, 31, "reserved"),
                                  ANY(32, 63, "private"),   END};
static const struct word FRZ[] = {IS(0, "read"), IS(1, "freeze without reset"),
                                  IS(2, "freeze with reset"), IS(3, "reset"), END};
static const struct word QRP[] = {IS(0, "not used"),
                                  IS(1, "general reset of the process"),
                                  IS(2, "reset of the event buffer"),
                                  ANY(3, 127, "reserved"),
                                  ANY(128, 255, "private"),
                                  END};
static const struct word KPA[] = {IS(0, "not used"),
                                  IS(1, "threshold"),
                                  IS(2, "smoothing factor"),
                                  IS(3, "low limit for transmission"),
                                  IS(4, "high limit for transmission"),
                                  ANY(5, 31, "reserved"),
                                  ANY(32, 63, "private"),
                                  END};
static const struct word QPA[] = {IS(0, "not used"),
                                  IS(1, "parameters loaded before"),
                                  IS(2, "parameter of this object"),
                                  IS(3, "cyclic transmission of this object"),
                                  ANY(4, 127, "reserved"),
                                  ANY(128, 255, "private"),
                                  END};
static const struct word READY[] = {IS(0, "default"), ANY(1, 63, "reserved"),
                                    ANY(64, 127, "private"), END};
static const struct word SCQ[] = {IS(0, "default"),
                                  IS(1, "select file"),
                                  IS(2, "request file"),
                                  IS(3, "deactivate file"),
                                  IS(4, "delete file"),
                                  IS(5, "select section"),
                                  IS(6, "request section"),
                                  IS(7, "deactivate section"),
                                  ANY(8, 10, "reserved"),
                                  ANY(11, 15, "private"),
                                  END};
static const struct word FILE_ERROR[] = {IS(0, "no error"),
                                         IS(1, "memory space not available"),
                                         IS(2, "checksum failed"),
                                         IS(3, "unexpected service"),
                                         IS(4, "unexpected name of file"),
                                         IS(5, "unexpected name of section"),
                                         ANY(6, 10, "reserved"),
                                         ANY(11, 15, "private"),
                                         END};
static const struct word LSQ[] = {IS(0, "not used"),
                                  IS(1, "file transfer without deactivation"),
                                  IS(2, "file transfer with deactivation"),
                                  IS(3, "section transfer without deactivation"),
                                  IS(4, "section transfer with deactivation"),
                                  ANY(5, 127, "reserved"),
                                  ANY(128, 255, "private"),
                                  END};
static const struct word AFQ[] = {IS(0, "not used"),
                                  IS(1, "file acknowledged"),
                                  IS(2, "file not acknowledged"),
                                  IS(3, "section acknowledged"),
                                  IS(4, "section not acknowledged"),
                                  ANY(5, 10, "reserved"),
                                  ANY(11, 15, "private"),
                                  END};
static const struct word SOF[] = {IS(0, "default"), ANY(1, 15, "reserved"),
                                  ANY(16, 31, "private"), END};

#define FIELD(element, octet, mask, name, words)                                         \
    {                                                                                    \
        ELEMENT_##element, octet, mask, name, words, NULL                                \
    }
#define FLAG(element, octet, mask, name, text)                                           \
    {                                                                                    \
        ELEMENT_##element, octet, mask, name, NULL, text                                 \
    }
#define RESERVED(element, octet, mask) FIELD(element, octet, mask, "reserved", NULL)
#define QUALITY(element)                                                                 \
    FLAG(element, 0, 0x10, "BL", "blocked"),                                             \
        FLAG(element, 0, 0x20, "SB", "substituted"),                                     \
        FLAG(element, 0, 0x40, "NT", "not topical"),                                     \
        FLAG(element, 0, 0x80, "IV", "invalid")

/* In the order in which they are told; 101 clauses 7.2.6.1 to 7.2.6.41. */
static const struct bits BITS[] = {
    FIELD(SIQ, 0, 0x01, "SPI", ON_OFF),
    RESERVED(SIQ, 0, 0x0E),
    QUALITY(SIQ),
    FIELD(DIQ, 0, 0x03, "DPI", DPI),
    RESERVED(DIQ, 0, 0x0C),
    QUALITY(DIQ),
    FLAG(VTI, 0, 0x80, "T", "in transient state"),
    FLAG(QDS, 0, 0x01, "OV", "overflow"),
    RESERVED(QDS, 0, 0x0E),
    QUALITY(QDS),
    FLAG(QDP, 0, 0x08, "EI", "elapsed time invalid"),
    RESERVED(QDP, 0, 0x07),
    QUALITY(QDP),
    FIELD(BCR, 4, 0x1F, "SQ", NULL),
    FLAG(BCR, 4, 0x20, "CY", "carry"),
    FLAG(BCR, 4, 0x40, "CA", "adjusted"),
    FLAG(BCR, 4, 0x80, "IV", "invalid"),
    FIELD(SEP, 0, 0x03, "ES", DPI),
    RESERVED(SEP, 0, 0x04),
    FLAG(SEP, 0, 0x08, "EI", "elapsed time invalid"),
    QUALITY(SEP),
    FLAG(SPE, 0, 0x01, "GS", "general start"),
    FLAG(SPE, 0, 0x02, "SL1", "start phase L1"),
    FLAG(SPE, 0, 0x04, "SL2", "start phase L2"),
    FLAG(SPE, 0, 0x08, "SL3", "start phase L3"),
    FLAG(SPE, 0, 0x10, "SIE", "start earth current"),
    FLAG(SPE, 0, 0x20, "SRD", "start reverse direction"),
    RESERVED(SPE, 0, 0xC0),
    FLAG(OCI, 0, 0x01, "GC", "general command"),
    FLAG(OCI, 0, 0x02, "CL1", "command phase L1"),
    FLAG(OCI, 0, 0x04, "CL2", "command phase L2"),
    FLAG(OCI, 0, 0x08, "CL3", "command phase L3"),
    RESERVED(OCI, 0, 0xF0),
    FIELD(CP24, 2, 0x3F, "minute", NULL),
    RESERVED(CP24, 2, 0x40),
    FLAG(CP24, 2, 0x80, "IV", "invalid"),
    FIELD(SCO, 0, 0x01, "SCS", ON_OFF),
    RESERVED(SCO, 0, 0x02),
    FIELD(SCO, 0, 0x7C, "QU", QU),
    FIELD(SCO, 0, 0x80, "S/E", SELECT),
    FIELD(DCO, 0, 0x03, "DCS", DCS),
    FIELD(DCO, 0, 0x7C, "QU", QU),
    FIELD(DCO, 0, 0x80, "S/E", SELECT),
    FIELD(RCO, 0, 0x03, "RCS", RCS),
    FIELD(RCO, 0, 0x7C, "QU", QU),
    FIELD(RCO, 0, 0x80, "S/E", SELECT),
    FIELD(QOS, 0, 0x7F, "QL", QL),
    FIELD(QOS, 0, 0x80, "S/E", SELECT),
    FIELD(COI, 0, 0x7F, "COI", COI),
    FLAG(COI, 0, 0x80, "changed", "local parameters changed"),
    FIELD(QOI, 0, 0xFF, "QOI", QOI),
    FIELD(QCC, 0, 0x3F, "RQT", RQT),
    FIELD(QCC, 0, 0xC0, "FRZ", FRZ),
    FIELD(QRP, 0, 0xFF, "QRP", QRP),
    FIELD(QPM, 0, 0x3F, "KPA", KPA),
    FLAG(QPM, 0, 0x40, "LPC", "local parameter change"),
    FLAG(QPM, 0, 0x80, "POP", "parameter not in operation"),
    FIELD(QPA, 0, 0xFF, "QPA", QPA),
    FIELD(FRQ, 0, 0x7F, "FRQ", READY),
    FLAG(FRQ, 0, 0x80, "negative", "file not ready"),
    FIELD(SRQ, 0, 0x7F, "SRQ", READY),
    FLAG(SRQ, 0, 0x80, "negative", "section not ready"),
    FIELD(SCQ, 0, 0x0F, "SCQ", SCQ),
    FIELD(SCQ, 0, 0xF0, "error", FILE_ERROR),
    FIELD(LSQ, 0, 0xFF, "LSQ", LSQ),
    FIELD(AFQ, 0, 0x0F, "AFQ", AFQ),
    FIELD(AFQ, 0, 0xF0, "error", FILE_ERROR),
    FIELD(SOF, 0, 0x1F, "SOF", SOF),
    FLAG(SOF, 0, 0x20, "LFD", "last file of the directory"),
    FLAG(SOF, 0, 0x40, "FOR", "name of a subdirectory"),
    FLAG(SOF, 0, 0x80, "FA", "transfer active"),
};
#define BITS_N (sizeof BITS / sizeof BITS[0])

/* What an element begins with that is more than bits of an octet. */
enum number {
    NUMBER_NONE,
    NUMBER_UNSIGNED, /* little endian, as long as the element */
    NUMBER_BITS,     /* the same, shown by its bits */
    NUMBER_SIGNED_16,
    NUMBER_NORMALIZED,
    NUMBER_FLOAT,
    NUMBER_SIGNED_32,
    NUMBER_STEP,
    NUMBER_POINTS, /* 16 states and 16 changes */
    NUMBER_TIME,
    NUMBER_LOW_16, /* of three octets; the third is bits */
};

static const struct {
    const char *name;
    enum number number;
    const char *value; /* name of the number */
    const char *unit;
} NAMES[] = {
    [ELEMENT_SIQ] = {"SIQ", NUMBER_NONE, NULL, ""},
    [ELEMENT_DIQ] = {"DIQ", NUMBER_NONE, NULL, ""},
    [ELEMENT_VTI] = {"VTI", NUMBER_STEP, "value", ""},
    [ELEMENT_QDS] = {"QDS", NUMBER_NONE, NULL, ""},
    [ELEMENT_NVA] = {"NVA", NUMBER_NORMALIZED, "value", ""},
    [ELEMENT_SVA] = {"SVA", NUMBER_SIGNED_16, "value", ""},
    [ELEMENT_R32] = {"R32", NUMBER_FLOAT, "value", ""},
    [ELEMENT_BSI] = {"BSI", NUMBER_BITS, "bits", ""},
    [ELEMENT_BCR] = {"BCR", NUMBER_SIGNED_32, "count", ""},
    [ELEMENT_SCD] = {"SCD", NUMBER_POINTS, NULL, ""},
    [ELEMENT_SEP] = {"SEP", NUMBER_NONE, NULL, ""},
    [ELEMENT_SPE] = {"SPE", NUMBER_NONE, NULL, ""},
    [ELEMENT_OCI] = {"OCI", NUMBER_NONE, NULL, ""},
    [ELEMENT_QDP] = {"QDP", NUMBER_NONE, NULL, ""},
    [ELEMENT_CP16] = {"CP16", NUMBER_UNSIGNED, "elapsed", "ms"},
    [ELEMENT_CP24] = {"CP24", NUMBER_LOW_16, "time", "ms"},
    [ELEMENT_CP56] = {"CP56", NUMBER_TIME, NULL, ""},
    [ELEMENT_CP56_BOUND] = {"CP56", NUMBER_TIME, NULL, ""},
    [ELEMENT_SCO] = {"SCO", NUMBER_NONE, NULL, ""},
    [ELEMENT_DCO] = {"DCO", NUMBER_NONE, NULL, ""},
    [ELEMENT_RCO] = {"RCO", NUMBER_NONE, NULL, ""},
    [ELEMENT_QOS] = {"QOS", NUMBER_NONE, NULL, ""},
    [ELEMENT_COI] = {"COI", NUMBER_NONE, NULL, ""},
    [ELEMENT_QOI] = {"QOI", NUMBER_NONE, NULL, ""},
    [ELEMENT_QCC] = {"QCC", NUMBER_NONE, NULL, ""},
    [ELEMENT_QRP] = {"QRP", NUMBER_NONE, NULL, ""},
    [ELEMENT_TSC] = {"TSC", NUMBER_UNSIGNED, "counter", ""},
    [ELEMENT_FBP] = {"FBP", NUMBER_BITS, "pattern", ""},
    [ELEMENT_QPM] = {"QPM", NUMBER_NONE, NULL, ""},
    [ELEMENT_QPA] = {"QPA", NUMBER_NONE, NULL, ""},
    [ELEMENT_NOF] = {"NOF", NUMBER_UNSIGNED, "file", ""},
    [ELEMENT_NOS] = {"NOS", NUMBER_UNSIGNED, "section", ""},
    [ELEMENT_LOF] = {"LOF", NUMBER_UNSIGNED, "length", "octets"},
    [ELEMENT_FRQ] = {"FRQ", NUMBER_NONE, NULL, ""},
    [ELEMENT_SRQ] = {"SRQ", NUMBER_NONE, NULL, ""},
    [ELEMENT_SCQ] = {"SCQ", NUMBER_NONE, NULL, ""},
    [ELEMENT_LSQ] = {"LSQ", NUMBER_NONE, NULL, ""},
    [ELEMENT_AFQ] = {"AFQ", NUMBER_NONE, NULL, ""},
    [ELEMENT_CHS] = {"CHS", NUMBER_UNSIGNED, "checksum", ""},
    [ELEMENT_SOF] = {"SOF", NUMBER_NONE, NULL, ""},
    [ELEMENT_AID] = {"AID", NUMBER_UNSIGNED, "association", ""},
    [ELEMENT_LOS] = {"LOS", NUMBER_UNSIGNED, "length", "octets"},
};
#define NAMES_N (sizeof NAMES / sizeof NAMES[0])

static bool is_known(enum element element)
{
    return (size_t)element < NAMES_N && NAMES[element].name;
}

const char *decode_element_name(enum element element)
{
    return is_known(element) ? NAMES[element].name : "?";
}

static uint32_t read_number(const uint8_t *p, size_t n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < n && i < 4; i++)
        v |= (uint32_t)p[i] << 8 * i;
    return v;
}

/* The fewest digits that give the same single back: 1.1 and not 1.10000002. */
static void put_float(struct decode_field *f, uint32_t raw)
{
    float value, again = 0;

    memcpy(&value, &raw, sizeof value);
    f->kind = DECODE_REAL;
    f->real = (double)value;
    if (isnan(value))
        (void)snprintf(f->text, sizeof f->text, "NaN");
    for (int digits = 1; digits < 10 && !isnan(value); digits++) {
        (void)snprintf(f->text, sizeof f->text, "%.*g", digits, f->real);
        again = strtof(f->text, NULL);
        if (!(again < value) && !(again > value))
            break;
    }
    if (!isnan(value) && !isinf(value))
        f->real = strtod(f->text, NULL);
}

static void put_normalized(struct decode_field *f, uint32_t raw)
{
    f->kind = DECODE_REAL;
    f->real = (int16_t)raw / 32768.0;
    (void)snprintf(f->text, sizeof f->text, "%.9g", f->real);
}

static size_t put_points(struct decode_field *f, const uint8_t *p)
{
    f[0] = (struct decode_field){
        .name = "ST", .unit = "", .kind = DECODE_HEX, .number = read_number(p, 2)};
    f[1] = (struct decode_field){
        .name = "CD", .unit = "", .kind = DECODE_HEX, .number = read_number(p + 2, 2)};
    return 2;
}

static size_t put_number(enum element element, const uint8_t *p, struct decode_field *f)
{
    const size_t size = element_size(element);
    const uint32_t raw = read_number(p, size);

    if (NAMES[element].number == NUMBER_POINTS)
        return put_points(f, p);
    *f = (struct decode_field){
        .name = NAMES[element].value, .unit = NAMES[element].unit, .number = raw};
    switch (NAMES[element].number) {
    case NUMBER_UNSIGNED: break;
    case NUMBER_LOW_16: f->number = raw & 0xFFFF; break;
    case NUMBER_BITS: f->kind = DECODE_HEX; break;
    case NUMBER_SIGNED_16: f->number = (int16_t)raw; break;
    case NUMBER_SIGNED_32: f->number = (int32_t)raw; break;
    case NUMBER_STEP: f->number = (int)((raw & 0x7F) ^ 0x40) - 0x40; break;
    case NUMBER_NORMALIZED: put_normalized(f, raw); break;
    case NUMBER_FLOAT: put_float(f, raw); break;
    default: return 0;
    }
    return 1;
}

/* 101 7.2.6.18.  What is no time is shown as it stands, for people to see why. */
static size_t put_time(enum element element, const uint8_t *p, struct decode_field *f)
{
    static const struct {
        uint8_t octet, mask;
        const char *name, *text;
    } FLAGS[] = {{2, 0x80, "IV", "invalid"},
                 {2, 0x40, "GEN", "substituted"},
                 {3, 0x80, "SU", "summer time"}};
    const unsigned int ms = read_number(p, 2);
    const unsigned int reserved = (p[3] & 0x60u) | (p[5] & 0xF0u) | (p[6] & 0x80u);
    size_t n = 1;
    bool bound = element == ELEMENT_CP56_BOUND;

    for (size_t i = 0; i < 7; i++)
        bound = bound && p[i] == 0;
    f[0] = (struct decode_field){.name = "time", .unit = "", .kind = DECODE_TIME};
    (void)snprintf(f->text, sizeof f->text,
                   bound ? "no bound" : "%u-%02u-%02uT%02u:%02u:%02u.%03u",
                   2000u + (p[6] & 0x7Fu), p[5] & 0x0Fu, p[4] & 0x1Fu, p[3] & 0x1Fu,
                   p[2] & 0x3Fu, ms / 1000, ms % 1000);
    f[n++] = (struct decode_field){.name = "day-of-week",
                                   .unit = "",
                                   .kind = DECODE_NUMBER,
                                   .quiet = p[4] >> 5 == 0,
                                   .number = p[4] >> 5};
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++, n++) {
        f[n] =
            (struct decode_field){.name = FLAGS[i].name, .unit = "", .kind = DECODE_FLAG};
        f[n].number = (p[FLAGS[i].octet] & FLAGS[i].mask) != 0;
        f[n].quiet = f[n].number == 0;
        (void)snprintf(f[n].text, sizeof f[n].text, "%s", FLAGS[i].text);
    }
    if (reserved != 0)
        f[n++] = (struct decode_field){
            .name = "reserved", .unit = "", .kind = DECODE_HEX, .number = reserved};
    return n;
}

static void put_word(struct decode_field *f, const struct word *words)
{
    for (const struct word *w = words; w->text; w++) {
        if (f->number < w->first || f->number > w->last)
            continue;
        if (w->counted)
            (void)snprintf(f->text, sizeof f->text, "%s %d", w->text,
                           (int)f->number - w->first + 1);
        else
            (void)snprintf(f->text, sizeof f->text, "%s", w->text);
        return;
    }
}

static void put_bits(struct decode_field *f, const struct bits *b, uint8_t octet)
{
    const unsigned int lowest = b->mask & (0u - b->mask);

    *f = (struct decode_field){.name = b->name, .unit = "", .kind = DECODE_NUMBER};
    f->number = (octet & b->mask) / lowest;
    if (b->words)
        put_word(f, b->words);
    if (!b->flag)
        return;
    f->kind = DECODE_FLAG;
    f->quiet = f->number == 0;
    (void)snprintf(f->text, sizeof f->text, "%s", b->flag);
}

size_t decode_element(enum element element, const uint8_t *p,
                      struct decode_field out[DECODE_FIELDS_MAX])
{
    size_t n = 0;

    if (!is_known(element))
        return 0;
    if (NAMES[element].number == NUMBER_TIME)
        return put_time(element, p, out);
    if (NAMES[element].number != NUMBER_NONE)
        n = put_number(element, p, out);
    for (size_t i = 0; i < BITS_N && n < DECODE_FIELDS_MAX; i++) {
        const struct bits *b = &BITS[i];
        const bool reserved = !b->words && !b->flag && strcmp(b->name, "reserved") == 0;

        if (b->element != element || (reserved && (p[b->octet] & b->mask) == 0))
            continue;
        put_bits(&out[n], b, p[b->octet]);
        if (reserved) {
            out[n].kind = DECODE_HEX;
            out[n].number = p[b->octet] & b->mask;
        }
        n++;
    }
    return n;
}
