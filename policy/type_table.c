#include "policy/types.h"

/* Sets of causes.  Where sources disagree on a cell the stricter reading is taken; the
 * other is a quirk (CELLS in types.c). */
#define CAUSES(first, last) COT_RANGE(first, last)
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
/* Only the controlling station sends it, and nothing of this type comes back. */
#define ONLY_CTL(causes) .direction = TYPE_DIR_CONTROL, .cot = {(causes), 0}
/* 60870-5-7: no object address, fields of its own (secauth.c). */
#define SECAUTH(id_, name_)                                                              \
    .id = (id_), .name = #name_, .layout = TYPE_LAYOUT_SECAUTH, .sq = SQ0,               \
    .single = ONE, .needs = QUIRK_SECAUTH
#define NEEDS(quirk)   .needs = QUIRK_##quirk
#define SELECT(offset) .has_select = true, .select_offset = (offset)

/* Indexed by TypeID. */
const struct type_info TYPE_TABLE[TYPE_TABLE_SIZE] = {
    [1] = {ROW(1, M_SP_NA_1, 1, SQX, MANY, POINT, SINGLE, ELEMENT_SIQ),
           MON(STATUS | SWITCHED)},
    [2] = {ROW(2, M_SP_TA_1, 4, SQ0, MANY, POINT, SINGLE, ELEMENT_SIQ, ELEMENT_CP24),
           MON(EVENT | SWITCHED), NEEDS(CP24_TYPES)},
    [3] = {ROW(3, M_DP_NA_1, 1, SQX, MANY, POINT, DOUBLE, ELEMENT_DIQ),
           MON(STATUS | SWITCHED)},
    [4] = {ROW(4, M_DP_TA_1, 4, SQ0, MANY, POINT, DOUBLE, ELEMENT_DIQ, ELEMENT_CP24),
           MON(EVENT | SWITCHED), NEEDS(CP24_TYPES)},
    [5] = {ROW(5, M_ST_NA_1, 2, SQX, MANY, POINT, STEP, ELEMENT_VTI, ELEMENT_QDS),
           MON(STATUS | SWITCHED)},
    [6] = {ROW(6, M_ST_TA_1, 5, SQ0, MANY, POINT, STEP, ELEMENT_VTI, ELEMENT_QDS,
               ELEMENT_CP24),
           MON(EVENT | SWITCHED), NEEDS(CP24_TYPES)},
    [7] = {ROW(7, M_BO_NA_1, 5, SQX, MANY, POINT, BSI, ELEMENT_BSI, ELEMENT_QDS),
           MON(STATUS)},
    [8] = {ROW(8, M_BO_TA_1, 8, SQ0, MANY, POINT, BSI, ELEMENT_BSI, ELEMENT_QDS,
               ELEMENT_CP24),
           MON(EVENT), NEEDS(CP24_TYPES)},
    [9] = {ROW(9, M_ME_NA_1, 3, SQX, MANY, POINT, NVA, ELEMENT_NVA, ELEMENT_QDS),
           MON(MEASURED)},
    [10] = {ROW(10, M_ME_TA_1, 6, SQ0, MANY, POINT, NVA, ELEMENT_NVA, ELEMENT_QDS,
                ELEMENT_CP24),
            MON(EVENT), NEEDS(CP24_TYPES)},
    [11] = {ROW(11, M_ME_NB_1, 3, SQX, MANY, POINT, SVA, ELEMENT_SVA, ELEMENT_QDS),
            MON(MEASURED)},
    [12] = {ROW(12, M_ME_TB_1, 6, SQ0, MANY, POINT, SVA, ELEMENT_SVA, ELEMENT_QDS,
                ELEMENT_CP24),
            MON(EVENT), NEEDS(CP24_TYPES)},
    [13] = {ROW(13, M_ME_NC_1, 5, SQX, MANY, POINT, R32, ELEMENT_R32, ELEMENT_QDS),
            MON(MEASURED)},
    [14] = {ROW(14, M_ME_TC_1, 8, SQ0, MANY, POINT, R32, ELEMENT_R32, ELEMENT_QDS,
                ELEMENT_CP24),
            MON(EVENT), NEEDS(CP24_TYPES)},
    [15] = {ROW(15, M_IT_NA_1, 5, SQX, MANY, POINT, BCR, ELEMENT_BCR), MON(COUNTED)},
    [16] = {ROW(16, M_IT_TA_1, 8, SQ0, MANY, POINT, BCR, ELEMENT_BCR, ELEMENT_CP24),
            MON(COUNTED), NEEDS(CP24_TYPES)},
    [17] = {ROW(17, M_EP_TA_1, 6, SQ0, MANY, POINT, NONE, ELEMENT_SEP, ELEMENT_CP16,
                ELEMENT_CP24),
            MON(COT_BIT(3)), NEEDS(CP24_TYPES)},
    [18] = {ROW(18, M_EP_TB_1, 7, SQ0, ONE, POINT, NONE, ELEMENT_SPE, ELEMENT_QDP,
                ELEMENT_CP16, ELEMENT_CP24),
            MON(COT_BIT(3)), NEEDS(CP24_TYPES)},
    [19] = {ROW(19, M_EP_TC_1, 7, SQ0, ONE, POINT, NONE, ELEMENT_OCI, ELEMENT_QDP,
                ELEMENT_CP16, ELEMENT_CP24),
            MON(COT_BIT(3)), NEEDS(CP24_TYPES)},
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
    [41] = {ROW(41, S_IT_TC_1, 14, SQ0, MANY, POINT, NONE, ELEMENT_AID, ELEMENT_BCR,
                ELEMENT_CP56),
            MON(COUNTED), NEEDS(SECAUTH)},
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
    [81] = {SECAUTH(81, S_CH_NA_1), BOTH(COT_BIT(14), COT_BIT(14))},
    [82] = {SECAUTH(82, S_RP_NA_1), BOTH(COT_BIT(14), COT_BIT(14))},
    [83] = {SECAUTH(83, S_AR_NA_1), BOTH(COT_BIT(14), COT_BIT(14))},
    [84] = {SECAUTH(84, S_KR_NA_1), ONLY_CTL(COT_BIT(15))},
    [85] = {SECAUTH(85, S_KS_NA_1), MON(COT_BIT(15))},
    [86] = {SECAUTH(86, S_KC_NA_1), ONLY_CTL(COT_BIT(15))},
    [87] = {SECAUTH(87, S_ER_NA_1), BOTH(CAUSES(14, 16), CAUSES(14, 16))},
    [90] = {SECAUTH(90, S_US_NA_1), ONLY_CTL(COT_BIT(16))},
    [91] = {SECAUTH(91, S_UQ_NA_1), ONLY_CTL(COT_BIT(16))},
    [92] = {SECAUTH(92, S_UR_NA_1), MON(COT_BIT(16))},
    [93] = {SECAUTH(93, S_UK_NA_1), ONLY_CTL(COT_BIT(16))},
    [94] = {SECAUTH(94, S_UA_NA_1), ONLY_CTL(COT_BIT(16))},
    [95] = {SECAUTH(95, S_UC_NA_1), BOTH(COT_BIT(16), COT_BIT(16))},
    [100] = {ROW(100, C_IC_NA_1, 1, SQ0, ONE, ZERO, NONE, ELEMENT_QOI),
             CTL(ACT_DEACT, ACT_DEACT_CON | TERM)},
    [101] = {ROW(101, C_CI_NA_1, 1, SQ0, ONE, ZERO, NONE, ELEMENT_QCC),
             CTL(ACT, ACT_CON | TERM)},
    [102] = {ROW(102, C_RD_NA_1, 0, SQ0, ONE, POINT, NONE, ELEMENT_NONE),
             CTL(COT_BIT(5), MIRRORED)},
    [103] = {ROW(103, C_CS_NA_1, 7, SQ0, ONE, ZERO, NONE, ELEMENT_CP56),
             CTL(ACT, ACT_CON)},
    [104] = {ROW(104, C_TS_NA_1, 2, SQ0, ONE, ZERO, NONE, ELEMENT_FBP), CTL(ACT, ACT_CON),
             NEEDS(UNTIMED_TEST)},
    [105] = {ROW(105, C_RP_NA_1, 1, SQ0, ONE, ZERO, NONE, ELEMENT_QRP),
             CTL(ACT, ACT_CON)},
    [106] = {ROW(106, C_CD_NA_1, 2, SQ0, ONE, ZERO, NONE, ELEMENT_CP16),
             CTL(COT_BIT(3) | ACT, ACT_CON), NEEDS(DELAY_ACQUISITION)},
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
