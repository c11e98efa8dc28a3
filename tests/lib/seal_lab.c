#include "tests/lib/seal_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct seal_lab seal_lab = {.dir_fd = -1};

/* ---- the folder ---- */

void seal_lab_forget(const char *name)
{
    assert_true(unlinkat(seal_lab.dir_fd, name, 0) == 0 || errno == ENOENT);
}

void seal_lab_write(const char *name, const char *text, size_t n)
{
    int fd;

    seal_lab_forget(name);
    fd = openat(seal_lab.dir_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n);
    (void)close(fd);
}

size_t seal_lab_read(const char *name, char *out, size_t cap)
{
    int fd = openat(seal_lab.dir_fd, name, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, out, cap - 1);

    assert_true(n >= 0 && (size_t)n < cap - 1);
    if (fd >= 0)
        (void)close(fd);
    out[n] = '\0';
    return (size_t)n;
}

static void make_key(void)
{
    struct audit_seal_key *key = audit_seal_key_new();
    uint8_t seed[AUDIT_SEED_SIZE] = {7};
    char pem[AUDIT_KEY_PEM_SIZE];
    int fd;

    assert_non_null(key);
    assert_true(audit_seal_key_pem(key, true, pem));
    (void)snprintf(seal_lab.key_path, sizeof seal_lab.key_path, "%s.key", seal_lab.dir);
    (void)unlink(seal_lab.key_path);
    fd = open(seal_lab.key_path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0 && write(fd, pem, strlen(pem)) == (ssize_t)strlen(pem));
    (void)close(fd);
    memset(&seal_lab.first, 0, sizeof seal_lab.first);
    seal_lab.first.epoch = 1;
    memcpy(seal_lab.first.key_id, audit_seal_key_id(key), sizeof seal_lab.first.key_id);
    assert_true(audit_seal_first(seed, seal_lab.first.mac_key));
    audit_seal_key_free(key);
}

int seal_lab_open(void **state)
{
    (void)state;
    (void)snprintf(seal_lab.dir, sizeof seal_lab.dir, "/tmp/seal_lab.XXXXXX");
    assert_non_null(mkdtemp(seal_lab.dir));
    seal_lab.dir_fd = open(seal_lab.dir, O_RDONLY | O_DIRECTORY);
    assert_true(seal_lab.dir_fd >= 0 && audit_seal_warm_up());
    make_key();
    return 0;
}

static void empty(void)
{
    seal_lab_forget(AUDIT_FILE_NAME);
    seal_lab_forget(AUDIT_SEAL_STATE_NAME);
    seal_lab_forget(AUDIT_SEAL_STATE_NEW);
    seal_lab_forget("gate104-00000000000000000001.jsonl");
}

int seal_lab_close(void **state)
{
    (void)state;
    empty();
    (void)close(seal_lab.dir_fd);
    (void)unlink(seal_lab.key_path);
    return rmdir(seal_lab.dir);
}

int seal_lab_fresh(void **state)
{
    (void)state;
    empty();
    assert_true(audit_seal_state_store(seal_lab.dir_fd, &seal_lab.first));
    return 0;
}

static void hear(void *ctx, const char *text)
{
    (void)ctx;
    (void)snprintf(seal_lab.said, sizeof seal_lab.said, "%s", text);
}

struct audit_log *seal_lab_begin(void)
{
    static const struct audit_place place = {.boot = "a1b2c3d4"};
    static struct audit_log l;
    char err[300] = "";

    assert_true(audit_log_init(&l, seal_lab.dir_fd, &place, "audit-0"));
    l.say = hear;
    seal_lab.said[0] = '\0';
    if (!audit_sealer_init(&l.sealer, seal_lab.dir_fd, seal_lab.key_path, err,
                           sizeof err))
        fail_msg("%s", err);
    assert_true(audit_shelf_scan(&l.shelf, seal_lab.dir_fd));
    return &l;
}

struct audit_log *seal_lab_start(void)
{
    struct audit_log *l = seal_lab_begin();

    assert_true(audit_log_open(l));
    return l;
}

void seal_lab_record(struct audit_log *l, enum event event, const char *from)
{
    static struct audit_sender sender;
    static const uint8_t config[AUDIT_HASH_SIZE] = {0xAB};
    const uint8_t *payload;
    struct record r;
    size_t n;

    (void)snprintf(sender.name, sizeof sender.name, "%s", from);
    record_begin(&r, event, 0, false);
    if (event == EVENT_RELOAD)
        record_octets(&r, RECORD_CONFIG_HASH, config, sizeof config);
    n = record_end(&r, &payload);
    audit_log_add(l, &sender, payload, n, true);
    (void)audit_log_commit(l);
}

const char *seal_lab_epochs(void)
{
    static char out[512];
    static char text[1 << 16];
    size_t used = 0;

    (void)seal_lab_read(AUDIT_FILE_NAME, text, sizeof text);
    out[0] = '\0';
    for (char *p = text; (p = strstr(p, ",\"epoch\":")) != NULL; p++) {
        char *line = memrchr(text, '\n', (size_t)(p - text));

        if (strstr(line ? line : text, "\"from\":\"audit-0\"") < p)
            used += (size_t)snprintf(out + used, sizeof out - used, "%s%ld",
                                     used > 0 ? " " : "", strtol(p + 9, NULL, 10));
    }
    return out;
}

const char *seal_lab_member(const char *key, unsigned int seal)
{
    static char out[128];
    static char text[1 << 16];
    const char *p = text;
    char want[64];

    (void)seal_lab_read(AUDIT_FILE_NAME, text, sizeof text);
    (void)snprintf(want, sizeof want, ",\"epoch\":%u,", seal);
    p = strstr(text, want);
    assert_non_null(p);
    (void)snprintf(want, sizeof want, ",\"%s\":", key);
    p = strstr(p, want);
    assert_non_null(p);
    (void)snprintf(out, sizeof out, "%.*s", (int)strcspn(p + strlen(want), ",}"),
                   p + strlen(want));
    return out;
}

void seal_lab_limit(rlim_t size)
{
    struct rlimit r;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}
