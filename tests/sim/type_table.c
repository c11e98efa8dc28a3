#include "tests/sim/element.h"

#include <stdlib.h>
#include <string.h>

static const struct sim_type TYPES[] = {
    {1, "M_SP_NA_1", "single point", true, {PART_SIQ}},
    {3, "M_DP_NA_1", "double point", true, {PART_DIQ}},
    {5, "M_ST_NA_1", "step position", true, {PART_VTI, PART_QDS}},
    {7, "M_BO_NA_1", "bitstring", true, {PART_BSI, PART_QDS}},
    {9, "M_ME_NA_1", "normalized value", true, {PART_NVA, PART_QDS}},
    {11, "M_ME_NB_1", "scaled value", true, {PART_SVA, PART_QDS}},
    {13, "M_ME_NC_1", "float value", true, {PART_R32, PART_QDS}},
    {15, "M_IT_NA_1", "integrated total", true, {PART_BCR}},
    {20, "M_PS_NA_1", "packed single points", true, {PART_SCD, PART_QDS}},
    {21, "M_ME_ND_1", "normalized value without quality", true, {PART_NVA}},
    {30, "M_SP_TB_1", "single point with time", false, {PART_SIQ, PART_CP56}},
    {31, "M_DP_TB_1", "double point with time", false, {PART_DIQ, PART_CP56}},
    {32, "M_ST_TB_1", "step position with time", false, {PART_VTI, PART_QDS, PART_CP56}},
    {33, "M_BO_TB_1", "bitstring with time", false, {PART_BSI, PART_QDS, PART_CP56}},
    {34, "M_ME_TD_1", "normalized with time", false, {PART_NVA, PART_QDS, PART_CP56}},
    {35, "M_ME_TE_1", "scaled with time", false, {PART_SVA, PART_QDS, PART_CP56}},
    {36, "M_ME_TF_1", "float with time", false, {PART_R32, PART_QDS, PART_CP56}},
    {37, "M_IT_TB_1", "integrated total with time", false, {PART_BCR, PART_CP56}},
    {38, "M_EP_TD_1", "protection event", false, {PART_SEP, PART_CP16, PART_CP56}},
    {39,
     "M_EP_TE_1",
     "protection start events",
     false,
     {PART_SPE, PART_QDP, PART_CP16, PART_CP56}},
    {40,
     "M_EP_TF_1",
     "protection output circuits",
     false,
     {PART_OCI, PART_QDP, PART_CP16, PART_CP56}},
    {45, "C_SC_NA_1", "single command", false, {PART_SCO}},
    {46, "C_DC_NA_1", "double command", false, {PART_DCO}},
    {47, "C_RC_NA_1", "step command", false, {PART_RCO}},
    {48, "C_SE_NA_1", "normalized set point", false, {PART_NVA, PART_QOS}},
    {49, "C_SE_NB_1", "scaled set point", false, {PART_SVA, PART_QOS}},
    {50, "C_SE_NC_1", "float set point", false, {PART_R32, PART_QOS}},
    {51, "C_BO_NA_1", "bitstring command", false, {PART_BSI}},
    {58, "C_SC_TA_1", "single command with time", false, {PART_SCO, PART_CP56}},
    {59, "C_DC_TA_1", "double command with time", false, {PART_DCO, PART_CP56}},
    {60, "C_RC_TA_1", "step command with time", false, {PART_RCO, PART_CP56}},
    {61,
     "C_SE_TA_1",
     "normalized set point with time",
     false,
     {PART_NVA, PART_QOS, PART_CP56}},
    {62,
     "C_SE_TB_1",
     "scaled set point with time",
     false,
     {PART_SVA, PART_QOS, PART_CP56}},
    {63,
     "C_SE_TC_1",
     "float set point with time",
     false,
     {PART_R32, PART_QOS, PART_CP56}},
    {64, "C_BO_TA_1", "bitstring command with time", false, {PART_BSI, PART_CP56}},
    {70, "M_EI_NA_1", "end of initialisation", false, {PART_COI}},
    {100, "C_IC_NA_1", "interrogation", false, {PART_QOI}},
    {101, "C_CI_NA_1", "counter interrogation", false, {PART_QCC}},
    {102, "C_RD_NA_1", "read", false, {PART_NONE}},
    {103, "C_CS_NA_1", "clock synchronisation", false, {PART_CP56}},
    {105, "C_RP_NA_1", "reset process", false, {PART_QRP}},
    {107, "C_TS_TA_1", "test command", false, {PART_TSC, PART_CP56}},
    {110, "P_ME_NA_1", "normalized parameter", false, {PART_NVA, PART_QPM}},
    {111, "P_ME_NB_1", "scaled parameter", false, {PART_SVA, PART_QPM}},
    {112, "P_ME_NC_1", "float parameter", false, {PART_R32, PART_QPM}},
    {113, "P_AC_NA_1", "parameter activation", false, {PART_QPA}},
    {120, "F_FR_NA_1", "file ready", false, {PART_FILE6}},
    {121, "F_SR_NA_1", "section ready", false, {PART_FILE7}},
    {122, "F_SC_NA_1", "call or select file", false, {PART_FILE4}},
    {123, "F_LS_NA_1", "last section or segment", false, {PART_FILE5}},
    {124, "F_AF_NA_1", "acknowledge file", false, {PART_FILE4}},
    {125, "F_SG_NA_1", "file segment", false, {PART_SEGMENT}},
    {126, "F_DR_TA_1", "directory", true, {PART_FILE13}},
    {127, "F_SC_NB_1", "query log", false, {PART_FILE16}},
};
#define TYPES_N (sizeof TYPES / sizeof TYPES[0])

static const uint8_t PART_SIZE[PART_COUNT] = {
    [PART_NONE] = 0,    [PART_SIQ] = 1,     [PART_DIQ] = 1,     [PART_VTI] = 1,
    [PART_NVA] = 2,     [PART_SVA] = 2,     [PART_R32] = 4,     [PART_BSI] = 4,
    [PART_BCR] = 5,     [PART_SCD] = 4,     [PART_QDS] = 1,     [PART_SEP] = 1,
    [PART_SPE] = 1,     [PART_OCI] = 1,     [PART_QDP] = 1,     [PART_CP16] = 2,
    [PART_CP56] = 7,    [PART_SCO] = 1,     [PART_DCO] = 1,     [PART_RCO] = 1,
    [PART_QOS] = 1,     [PART_QOI] = 1,     [PART_QCC] = 1,     [PART_QRP] = 1,
    [PART_QPM] = 1,     [PART_QPA] = 1,     [PART_COI] = 1,     [PART_TSC] = 2,
    [PART_FILE4] = 4,   [PART_FILE5] = 5,   [PART_FILE6] = 6,   [PART_FILE7] = 7,
    [PART_FILE13] = 13, [PART_FILE16] = 16, [PART_SEGMENT] = 4,
};

static const char *const CAUSES[64] = {
    [1] = "periodic",
    [2] = "background scan",
    [3] = "spontaneous",
    [4] = "initialised",
    [5] = "request",
    [6] = "activation",
    [7] = "activation confirmation",
    [8] = "deactivation",
    [9] = "deactivation confirmation",
    [10] = "activation termination",
    [11] = "return information (remote command)",
    [12] = "return information (local command)",
    [13] = "file transfer",
    [20] = "interrogated by station",
    [21] = "interrogated by group 1",
    [22] = "interrogated by group 2",
    [23] = "interrogated by group 3",
    [24] = "interrogated by group 4",
    [25] = "interrogated by group 5",
    [26] = "interrogated by group 6",
    [27] = "interrogated by group 7",
    [28] = "interrogated by group 8",
    [29] = "interrogated by group 9",
    [30] = "interrogated by group 10",
    [31] = "interrogated by group 11",
    [32] = "interrogated by group 12",
    [33] = "interrogated by group 13",
    [34] = "interrogated by group 14",
    [35] = "interrogated by group 15",
    [36] = "interrogated by group 16",
    [37] = "general counter request",
    [38] = "counter request group 1",
    [39] = "counter request group 2",
    [40] = "counter request group 3",
    [41] = "counter request group 4",
    [44] = "unknown type",
    [45] = "unknown cause",
    [46] = "unknown common address",
    [47] = "unknown object address",
};

const struct sim_type *sim_type_find(unsigned int id)
{
    for (size_t i = 0; i < TYPES_N; i++)
        if (TYPES[i].id == id)
            return &TYPES[i];
    return NULL;
}

unsigned int sim_type_parse(const char *text)
{
    char *end = NULL;
    unsigned long n;

    for (size_t i = 0; i < TYPES_N; i++)
        if (strcmp(TYPES[i].name, text) == 0)
            return TYPES[i].id;
    n = strtoul(text, &end, 10);
    return *text != '\0' && *end == '\0' && n <= 255 &&
                   sim_type_find((unsigned int)n) != NULL
               ? (unsigned int)n
               : 0;
}

size_t sim_type_size(const struct sim_type *row)
{
    size_t n = 0;

    for (size_t i = 0; i < SIM_PARTS_MAX; i++)
        n += PART_SIZE[row->parts[i]];
    return n;
}

bool sim_type_has(const struct sim_type *row, enum sim_part part)
{
    for (size_t i = 0; i < SIM_PARTS_MAX; i++)
        if (row->parts[i] == part)
            return true;
    return false;
}

const char *sim_cause_name(unsigned int cause)
{
    return cause < 64 && CAUSES[cause] != NULL ? CAUSES[cause] : "reserved cause";
}

static const char *asdu_check(const struct sim_asdu *a)
{
    size_t object = sim_type_size(a->row);
    size_t want;

    if (a->count == 0)
        return "no information object";
    if (a->sq && !a->row->sequence)
        return "SQ = 1 is not allowed for this type";
    if (a->row->parts[0] == PART_SEGMENT) {
        if (a->size < SIM_HEADER + 3u + object)
            return "shorter than its type";
        object += a->octets[SIM_HEADER + 3u + 3u];
    }
    want = a->sq ? SIM_HEADER + 3u + a->count * object
                 : SIM_HEADER + a->count * (3u + object);
    if (a->size < want)
        return "shorter than its object number says";
    return a->size > want ? "longer than its object number says" : NULL;
}

const char *sim_asdu_open(struct sim_asdu *a, const uint8_t *octets, size_t size)
{
    memset(a, 0, sizeof *a);
    a->octets = octets;
    a->size = size;
    if (size < SIM_HEADER)
        return "shorter than an ASDU header";
    a->type = octets[0];
    a->sq = (octets[1] & 0x80) != 0;
    a->count = octets[1] & 0x7F;
    a->cause = octets[2] & 0x3F;
    a->negative = (octets[2] & 0x40) != 0;
    a->test = (octets[2] & 0x80) != 0;
    a->oa = octets[3];
    a->ca = (uint16_t)(octets[4] | octets[5] << 8);
    a->row = sim_type_find(a->type);
    return a->row == NULL ? NULL : asdu_check(a);
}

const uint8_t *sim_asdu_object(const struct sim_asdu *a, unsigned int i, uint32_t *ioa)
{
    size_t step = sim_type_size(a->row) + (a->sq ? 0u : 3u);
    const uint8_t *at = a->octets + SIM_HEADER + (a->sq ? 0u : i * step);

    *ioa = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
    if (!a->sq)
        return at + 3;
    *ioa += i;
    return at + 3 + i * step;
}
