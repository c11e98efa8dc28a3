/* A configuration in order, in a folder of its own, for tests to spoil. */
#ifndef GATE104_TESTS_LIB_CONFIG_LAB_H
#define GATE104_TESTS_LIB_CONFIG_LAB_H

#include "proxy/config.h"

#include <stddef.h>

/* One route of each mode; the lines are numbered in the source. */
extern const char config_lab_base[];
extern char config_lab_folder[];

/* Makes the folder and the files the text names; removes them.  For cmocka groups. */
int config_lab_set_up(void **state);
int config_lab_tear_down(void **state);

/* Writes a file into the folder. */
void config_lab_spew(const char *name, const char *text, size_t size);
struct config *config_lab_load(const char *text, struct config_errors *errs);
/* The text with the first `find` replaced; NULL appends.  To be freed. */
char *config_lab_edited(const char *find, const char *replace);
/* The finding at this line whose key, text and remedy hold these words, or NULL. */
const struct config_finding *config_lab_find(const struct config_errors *e,
                                             enum config_severity severity,
                                             unsigned int line, const char *key,
                                             const char *what, const char *remedy);

struct mistake {
    const char *find, *replace;
    unsigned int line;
    const char *key, *what, *remedy;
};
/* Every one is found, and nothing loads unless it is a warning. */
void config_lab_mistakes(const struct mistake *m, size_t count,
                         enum config_severity severity);

#endif
