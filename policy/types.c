#include "policy/types.h"

#include <string.h>

/* Sets of causes.  Where sources disagree on a cell the stricter reading is taken:
 * 11 and 12 of 7 and 20, 8 and 9 of 51, 64 and 101, 3 of 103, 5 of 127 are not legal. */
#define CAUSES(first, last) (COT_BIT((last) + 1) - COT_BIT(first))
#define MIRRORED            CAUSES(44, 47)
#define STATUS              (COT_BIT(2) | COT_BIT(3) | COT_BIT(5) | CAUSES(20, 36))
#define MEASURED            (COT_BIT(1) | STATUS)
#define SWITCHED            (COT_BIT(11) | COT_BIT(12))
#define EVENT               (COT_BIT(3) | COT_BIT(5))
#define COUNTED             (COT_BIT(3) | CAUSES(37, 41))
#define ACT                 COT_BIT(6)
#define ACT_CON             (COT_BIT(7) | MIRRORED)
#define ACT_DEACT           (COT_BIT(6) | COT_BIT(8))
#define ACT_DEACT_CON       (COT_BIT(7) | COT_BIT(9) | MIRRORED)
#define TERM                COT_BIT(10)
#define FILES               COT_BIT(13)

#define SQ0  TYPE_SQ_0
#define SQ1  TYPE_SQ_1
#define SQX  TYPE_SQ_ANY
#define ONE  true
#define MANY false

/* id, name, size, SQ, number of objects, IOA rule, value, elements */
#define ROW(id_, name_, size_, sq_, single_, ioa_, value_, ...)                          \
    .id = (id_), .name = #name_, .size = (size_), .sq = (sq_), .single = (single_),      \
    .ioa = TYPE_IOA_##ioa_, .value = VALUE_##value_, .elements = {__VA_ARGS__}
#define MON(causes)           .direction = TYPE_DIR_MONITOR, .cot = {0, (causes)}
#define CTL(causes, answers)  .direction = TYPE_DIR_CONTROL, .cot = {(causes), (answers)}
#define BOTH(causes, answers) .direction = TYPE_DIR_BOTH, .cot = {(causes), (answers)}
#define SELECT(offset)        .has_select = true, .select_offset = (offset)

/* Indexed by TypeID. */
static const struct type_info TYPES[128] = {
    [1] = {ROW(1, M_SP_NA_1, 1, SQX, MANY, POINT, SINGLE, ELEMENT_SIQ),
           MON(STATUS | SWITCHED)},
    [3] = {ROW(3, M_DP_NA_1, 1, SQX, MANY, POINT, DOUBLE, ELEMENT_DIQ),
           MON(STATUS | SWITCHED)},
    [5] = {ROW(5, M_ST_NA_1, 2, SQX, MANY, POINT, STEP, ELEMENT_VTI, ELEMENT_QDS),
           MON(STATUS | SWITCHED)},
    [7] = {ROW(7, M_BO_NA_1, 5, SQX, MANY, POINT, BSI, ELEMENT_BSI, ELEMENT_QDS),
           MON(STATUS)},
    [9] = {ROW(9, M_ME_NA_1, 3, SQX, MANY, POINT, NVA, ELEMENT_NVA, ELEMENT_QDS),
           MON(MEASURED)},
    [11] = {ROW(11, M_ME_NB_1, 3, SQX, MANY, POINT, SVA, ELEMENT_SVA, ELEMENT_QDS),
            MON(MEASURED)},
    [13] = {ROW(13, M_ME_NC_1, 5, SQX, MANY, POINT, R32, ELEMENT_R32, ELEMENT_QDS),
            MON(MEASURED)},
    [15] = {ROW(15, M_IT_NA_1, 5, SQX, MANY, POINT, BCR, ELEMENT_BCR), MON(COUNTED)},
    [20] = {ROW(20, M_PS_NA_1, 5, SQX, MANY, POINT, NONE, ELEMENT_SCD, ELEMENT_QDS),
            MON(STATUS)},
    [21] = {ROW(21, M_ME_ND_1, 2, SQX, MANY, POINT, NVA, ELEMENT_NVA), MON(MEASURED)},
    [30] = {ROW(30, M_SP_TB_1, 8, SQ0, MANY, POINT, SINGLE, ELEMENT_SIQ, ELEMENT_CP56),
            MON(EVENT | SWITCHED)},
    [31] = {ROW(31, M_DP_TB_1, 8, SQ0, MANY, POINT, DOUBLE, ELEMENT_DIQ, ELEMENT_CP56),
            MON(EVENT | SWITCHED)},
    [32] = {ROW(32, M_ST_TB_1, 9, SQ0, MANY, POINT, STEP, ELEMENT_VTI, ELEMENT_QDS,
                ELEMENT_CP56),
            MON(EVENT | SWITCHED)},
    [33] = {ROW(33, M_BO_TB_1, 12, SQ0, MANY, POINT, BSI, ELEMENT_BSI, ELEMENT_QDS,
                ELEMENT_CP56),
            MON(EVENT)},
    [34] = {ROW(34, M_ME_TD_1, 10, SQ0, MANY, POINT, NVA, ELEMENT_NVA, ELEMENT_QDS,
                ELEMENT_CP56),
            MON(EVENT)},
    [35] = {ROW(35, M_ME_TE_1, 10, SQ0, MANY, POINT, SVA, ELEMENT_SVA, ELEMENT_QDS,
                ELEMENT_CP56),
            MON(EVENT)},
    [36] = {ROW(36, M_ME_TF_1, 12, SQ0, MANY, POINT, R32, ELEMENT_R32, ELEMENT_QDS,
                ELEMENT_CP56),
            MON(EVENT)},
    [37] = {ROW(37, M_IT_TB_1, 12, SQ0, MANY, POINT, BCR, ELEMENT_BCR, ELEMENT_CP56),
            MON(COUNTED)},
    [38] = {ROW(38, M_EP_TD_1, 10, SQ0, MANY, POINT, NONE, ELEMENT_SEP, ELEMENT_CP16,
                ELEMENT_CP56),
            MON(COT_BIT(3))},
    [39] = {ROW(39, M_EP_TE_1, 11, SQ0, ONE, POINT, NONE, ELEMENT_SPE, ELEMENT_QDP,
                ELEMENT_CP16, ELEMENT_CP56),
            MON(COT_BIT(3))},
    [40] = {ROW(40, M_EP_TF_1, 11, SQ0, ONE, POINT, NONE, ELEMENT_OCI, ELEMENT_QDP,
                ELEMENT_CP16, ELEMENT_CP56),
            MON(COT_BIT(3))},
    [45] = {ROW(45, C_SC_NA_1, 1, SQ0, ONE, POINT, SINGLE, ELEMENT_SCO),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(0)},
    [46] = {ROW(46, C_DC_NA_1, 1, SQ0, ONE, POINT, DOUBLE, ELEMENT_DCO),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(0)},
    [47] = {ROW(47, C_RC_NA_1, 1, SQ0, ONE, POINT, REGULATING, ELEMENT_RCO),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(0)},
    [48] = {ROW(48, C_SE_NA_1, 3, SQ0, ONE, POINT, NVA, ELEMENT_NVA, ELEMENT_QOS),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(2)},
    [49] = {ROW(49, C_SE_NB_1, 3, SQ0, ONE, POINT, SVA, ELEMENT_SVA, ELEMENT_QOS),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(2)},
    [50] = {ROW(50, C_SE_NC_1, 5, SQ0, ONE, POINT, R32, ELEMENT_R32, ELEMENT_QOS),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(4)},
    [51] = {ROW(51, C_BO_NA_1, 4, SQ0, ONE, POINT, BSI, ELEMENT_BSI),
            CTL(ACT, ACT_CON | TERM)},
    [58] = {ROW(58, C_SC_TA_1, 8, SQ0, ONE, POINT, SINGLE, ELEMENT_SCO, ELEMENT_CP56),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(0)},
    [59] = {ROW(59, C_DC_TA_1, 8, SQ0, ONE, POINT, DOUBLE, ELEMENT_DCO, ELEMENT_CP56),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(0)},
    [60] = {ROW(60, C_RC_TA_1, 8, SQ0, ONE, POINT, REGULATING, ELEMENT_RCO, ELEMENT_CP56),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(0)},
    [61] = {ROW(61, C_SE_TA_1, 10, SQ0, ONE, POINT, NVA, ELEMENT_NVA, ELEMENT_QOS,
                ELEMENT_CP56),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(2)},
    [62] = {ROW(62, C_SE_TB_1, 10, SQ0, ONE, POINT, SVA, ELEMENT_SVA, ELEMENT_QOS,
                ELEMENT_CP56),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(2)},
    [63] = {ROW(63, C_SE_TC_1, 12, SQ0, ONE, POINT, R32, ELEMENT_R32, ELEMENT_QOS,
                ELEMENT_CP56),
            CTL(ACT_DEACT, ACT_DEACT_CON | TERM), SELECT(4)},
    [64] = {ROW(64, C_BO_TA_1, 11, SQ0, ONE, POINT, BSI, ELEMENT_BSI, ELEMENT_CP56),
            CTL(ACT, ACT_CON | TERM)},
    [70] = {ROW(70, M_EI_NA_1, 1, SQ0, ONE, ZERO, NONE, ELEMENT_COI), MON(COT_BIT(4))},
    [100] = {ROW(100, C_IC_NA_1, 1, SQ0, ONE, ZERO, NONE, ELEMENT_QOI),
             CTL(ACT_DEACT, ACT_DEACT_CON | TERM)},
    [101] = {ROW(101, C_CI_NA_1, 1, SQ0, ONE, ZERO, NONE, ELEMENT_QCC),
             CTL(ACT, ACT_CON | TERM)},
    [102] = {ROW(102, C_RD_NA_1, 0, SQ0, ONE, POINT, NONE, ELEMENT_NONE),
             CTL(COT_BIT(5), MIRRORED)},
    [103] = {ROW(103, C_CS_NA_1, 7, SQ0, ONE, ZERO, NONE, ELEMENT_CP56),
             CTL(ACT, ACT_CON)},
    [105] = {ROW(105, C_RP_NA_1, 1, SQ0, ONE, ZERO, NONE, ELEMENT_QRP),
             CTL(ACT, ACT_CON)},
    [107] = {ROW(107, C_TS_TA_1, 9, SQ0, ONE, ZERO, NONE, ELEMENT_TSC, ELEMENT_CP56),
             CTL(ACT, ACT_CON)},
    [110] = {ROW(110, P_ME_NA_1, 3, SQ0, ONE, POINT, NVA, ELEMENT_NVA, ELEMENT_QPM),
             CTL(ACT, ACT_CON | CAUSES(20, 36))},
    [111] = {ROW(111, P_ME_NB_1, 3, SQ0, ONE, POINT, SVA, ELEMENT_SVA, ELEMENT_QPM),
             CTL(ACT, ACT_CON | CAUSES(20, 36))},
    [112] = {ROW(112, P_ME_NC_1, 5, SQ0, ONE, POINT, R32, ELEMENT_R32, ELEMENT_QPM),
             CTL(ACT, ACT_CON | CAUSES(20, 36))},
    [113] = {ROW(113, P_AC_NA_1, 1, SQ0, ONE, QPA, NONE, ELEMENT_QPA),
             CTL(ACT_DEACT, ACT_DEACT_CON)},
    [120] = {ROW(120, F_FR_NA_1, 6, SQ0, ONE, FILE, NONE, ELEMENT_NOF, ELEMENT_LOF,
                 ELEMENT_FRQ),
             BOTH(FILES, FILES | MIRRORED)},
    [121] = {ROW(121, F_SR_NA_1, 7, SQ0, ONE, FILE, NONE, ELEMENT_NOF, ELEMENT_NOS,
                 ELEMENT_LOF, ELEMENT_SRQ),
             BOTH(FILES, FILES | MIRRORED)},
    [122] = {ROW(122, F_SC_NA_1, 4, SQ0, ONE, FILE, NONE, ELEMENT_NOF, ELEMENT_NOS,
                 ELEMENT_SCQ),
             BOTH(COT_BIT(5) | FILES, COT_BIT(5) | FILES | MIRRORED)},
    [123] = {ROW(123, F_LS_NA_1, 5, SQ0, ONE, FILE, NONE, ELEMENT_NOF, ELEMENT_NOS,
                 ELEMENT_LSQ, ELEMENT_CHS),
             BOTH(FILES, FILES | MIRRORED)},
    [124] = {ROW(124, F_AF_NA_1, 4, SQ0, ONE, FILE, NONE, ELEMENT_NOF, ELEMENT_NOS,
                 ELEMENT_AFQ),
             BOTH(FILES, FILES | MIRRORED)},
    [125] = {ROW(125, F_SG_NA_1, 4, SQ0, ONE, FILE, NONE, ELEMENT_NOF, ELEMENT_NOS,
                 ELEMENT_LOS),
             BOTH(FILES, FILES | MIRRORED)},
    [126] = {ROW(126, F_DR_TA_1, 13, SQ1, MANY, FILE, NONE, ELEMENT_NOF, ELEMENT_LOF,
                 ELEMENT_SOF, ELEMENT_CP56),
             MON(EVENT)},
    [127] = {ROW(127, F_SC_NB_1, 16, SQ0, ONE, FILE, NONE, ELEMENT_NOF,
                 ELEMENT_CP56_BOUND, ELEMENT_CP56_BOUND),
             CTL(FILES, MIRRORED)},
};
#define TYPES_N (sizeof TYPES / sizeof TYPES[0])

static const char *const COT_NAMES[64] = {
    [1] = "periodic",
    [2] = "background",
    [3] = "spontaneous",
    [4] = "initialised",
    [5] = "request",
    [6] = "activation",
    [7] = "activation-con",
    [8] = "deactivation",
    [9] = "deactivation-con",
    [10] = "termination",
    [11] = "return-remote",
    [12] = "return-local",
    [13] = "file-transfer",
    [14] = "authentication",
    [15] = "session-key",
    [16] = "user-role-key",
    [20] = "interrogated",
    [21] = "interrogated-group-1",
    [22] = "interrogated-group-2",
    [23] = "interrogated-group-3",
    [24] = "interrogated-group-4",
    [25] = "interrogated-group-5",
    [26] = "interrogated-group-6",
    [27] = "interrogated-group-7",
    [28] = "interrogated-group-8",
    [29] = "interrogated-group-9",
    [30] = "interrogated-group-10",
    [31] = "interrogated-group-11",
    [32] = "interrogated-group-12",
    [33] = "interrogated-group-13",
    [34] = "interrogated-group-14",
    [35] = "interrogated-group-15",
    [36] = "interrogated-group-16",
    [37] = "counter-request",
    [38] = "counter-request-group-1",
    [39] = "counter-request-group-2",
    [40] = "counter-request-group-3",
    [41] = "counter-request-group-4",
    [44] = "unknown-type",
    [45] = "unknown-cause",
    [46] = "unknown-ca",
    [47] = "unknown-ioa",
};

const struct type_info *type_info(uint8_t id)
{
    if (id >= TYPES_N || TYPES[id].name == NULL)
        return NULL;
    return &TYPES[id];
}

const struct type_info *type_at(size_t i)
{
    for (size_t id = 0; id < TYPES_N; id++) {
        if (TYPES[id].name == NULL)
            continue;
        if (i-- == 0)
            return &TYPES[id];
    }
    return NULL;
}

const struct type_info *type_by_name(const char *name)
{
    for (size_t id = 0; id < TYPES_N; id++)
        if (TYPES[id].name != NULL && strcmp(TYPES[id].name, name) == 0)
            return &TYPES[id];
    return NULL;
}

static unsigned int minimum(unsigned int a, unsigned int b)
{
    return a < b ? a : b;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Letters to insert, delete or replace to make b of a, without regard to case; a and b
 * are not longer than 2 * TYPE_NAME_MAX. */
static unsigned int edit_distance(const char *a, const char *b)
{
    unsigned int row[2 * TYPE_NAME_MAX + 1];
    const size_t n = strlen(b);

    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned int)j;
    for (unsigned int i = 0; a[i] != '\0'; i++) {
        unsigned int diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            const unsigned int replace = diagonal + (upper(a[i]) != upper(b[j]));
            diagonal = row[j + 1];
            row[j + 1] = minimum(replace, minimum(row[j], row[j + 1]) + 1);
        }
    }
    return row[n];
}

const char *type_closest_name(const char *name)
{
    const char *best = NULL;
    unsigned int best_distance = 4; /* more than 3 letters off is another word */

    if (strlen(name) > 2 * TYPE_NAME_MAX)
        return NULL;
    for (size_t id = 0; id < TYPES_N; id++) {
        if (TYPES[id].name == NULL)
            continue;
        const unsigned int distance = edit_distance(name, TYPES[id].name);
        if (distance < best_distance) {
            best_distance = distance;
            best = TYPES[id].name;
        }
    }
    return best;
}

bool type_in_direction(const struct type_info *type, enum direction direction)
{
    return type->cot[direction] != 0;
}

const char *cot_name(unsigned int cause)
{
    if (cause >= 48 && cause <= 63)
        return "private";
    if (cause >= 64 || COT_NAMES[cause] == NULL)
        return "reserved";
    return COT_NAMES[cause];
}

const char *direction_name(enum direction direction)
{
    return direction == DIR_CONTROL ? "control" : "monitor";
}
