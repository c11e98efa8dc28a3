/* The group permits of the configuration. */
#include "proxy/config_build.h"

#include "proxy/permit_text.h"

#include <grp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEFAULT_S     (8u * 3600u)
#define CONFIRM_DEFAULT_S 600u
#define COUNT(a)          (sizeof(a) / sizeof((a)[0]))

static const struct config_key keys[] = {
    {"max", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"confirm_within", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"persons", CONFIG_KIND_INT, false, offsetof(struct permit_settings, persons), 1, 2,
     NULL},
    {"persist", CONFIG_KIND_BOOL, false, offsetof(struct permit_settings, persist), 0, 0,
     NULL},
    {"dir", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"group", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
};

static void read_time(struct config_build *b, const config_setting_t *group,
                      const char *key, uint32_t *seconds)
{
    const char *text = config_member_string(&b->r, group, key);

    if (text && !permit_duration(text, seconds))
        config_report_key(&b->r, CONFIG_ERROR, group, key,
                          "write 90s, 15m, 8h or 1d; at most 7d", "\"%s\" is no time",
                          text);
}

static void read_group(struct config_build *b, const config_setting_t *group)
{
    struct permit_settings *s = &b->c->permits;
    const char *name = config_member_string(&b->r, group, "group");
    const struct group *gr;

    if (!name)
        return;
    gr = getgrnam(name);
    if (!gr || strlen(name) >= sizeof s->group) {
        config_report_key(&b->r, CONFIG_ERROR, group, "group",
                          "make it with groupadd, or correct the name",
                          "there is no group \"%s\"", name);
        return;
    }
    (void)snprintf(s->group, sizeof s->group, "%s", name);
    s->has_group = true;
    s->gid = gr->gr_gid;
}

/* A folder in which others write is no place for what will be believed. */
static void check_dir(struct config_build *b, const config_setting_t *group)
{
    const struct permit_settings *s = &b->c->permits;
    struct stat st;

    if (!s->persist || !s->dir)
        return;
    if (stat(s->dir, &st) != 0 || !S_ISDIR(st.st_mode))
        config_report_key(&b->r, CONFIG_ERROR, group, "dir",
                          "make it: install -d -m 0700 FOLDER",
                          "there is no folder \"%s\" for permits that persist", s->dir);
    else if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
             st.st_mode & (S_IWGRP | S_IWOTH))
        config_report_key(&b->r, CONFIG_ERROR, group, "dir",
                          "chown it to the user that starts gate104d, chmod 0700 it",
                          "others can write in \"%s\"", s->dir);
}

void config_permit_read(struct config_build *b, const config_setting_t *root)
{
    const config_setting_t *group = config_member(root, "permits", CONFIG_KIND_GROUP);
    struct permit_settings *s = &b->c->permits;
    const config_setting_t *dir = NULL;

    *s = (struct permit_settings){
        .max_s = MAX_DEFAULT_S, .confirm_s = CONFIRM_DEFAULT_S, .persons = 1};
    if (group) {
        config_group_read(&b->r, group, keys, COUNT(keys), s);
        read_time(b, group, "max", &s->max_s);
        read_time(b, group, "confirm_within", &s->confirm_s);
        read_group(b, group);
        dir = config_member(group, "dir", CONFIG_KIND_STRING);
    }
    s->dir = dir ? config_path(b, dir) : strdup(PERMIT_DIR_DEFAULT);
    if (group)
        check_dir(b, group);
}

uint32_t config_permit_persons(const struct config *c, uint16_t route)
{
    const uint32_t own = c->routes[route].permit_persons;

    return own != 0 ? own : c->permits.persons;
}

/* Only root and the user of gate104d may use the control socket otherwise. */
void config_permit_check(struct config_build *b, const config_setting_t *root)
{
    for (size_t i = 0; i < b->c->route_count; i++) {
        if (config_permit_persons(b->c, (uint16_t)i) == 1 || b->c->permits.has_group)
            continue;
        config_report_key(&b->r, CONFIG_WARNING, root, "permits",
                          "name a Unix group of those who may: permits = { group = "
                          "\"...\"; };",
                          "permits of route \"%s\" take two persons, but only root can "
                          "grant and confirm them",
                          b->c->routes[i].name);
        return;
    }
}

void config_permit_free(struct permit_settings *s)
{
    free(s->dir);
    s->dir = NULL;
}

bool config_permit_same(const struct permit_settings *a, const struct permit_settings *b)
{
    return a->max_s == b->max_s && a->confirm_s == b->confirm_s &&
           a->persons == b->persons && a->persist == b->persist &&
           a->has_group == b->has_group && a->gid == b->gid && !a->dir == !b->dir &&
           (!a->dir || strcmp(a->dir, b->dir) == 0);
}
