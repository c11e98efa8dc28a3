#include "tests/lib/log_stage.h"

#include "proxy/audit_envelope.h"
#include "proxy/audit_file.h"
#include "proxy/audit_shelf.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

void log_stage_begin(struct log_stage *s)
{
    memset(s, 0, sizeof *s);
    (void)snprintf(s->dir, sizeof s->dir, "/tmp/gate104-ship-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(s->dir_fd >= 0);
    s->file = -1;
}

void log_stage_end(struct log_stage *s)
{
    char command[128];

    if (s->file >= 0)
        (void)close(s->file);
    (void)close(s->dir_fd);
    (void)snprintf(command, sizeof command, "rm -rf %s", s->dir);
    assert_int_equal(system(command), 0);
}

void log_stage_line(struct log_stage *s, const char *event, const char *severity,
                    const char *members)
{
    static char line[2 * AUDIT_LINE_MAX];
    char hex[AUDIT_HASH_HEX_SIZE + 1];
    int n;

    if (s->file < 0)
        s->file = openat(s->dir_fd, AUDIT_FILE_NAME,
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    audit_hex(s->prev, sizeof s->prev, hex);
    n = snprintf(line, sizeof line,
                 "{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"2026-11-21T02:59:14.009Z\","
                 "\"mono_ms\":%" PRIu64 ",\"boot\":\"" LOG_STAGE_BOOT
                 "\",\"from\":\"gate-0\","
                 "\"event\":\"%s\",\"severity\":\"%s\"%s,\"prev\":\"%s\"}\n",
                 s->seq + 1, 1000 * (s->seq + 1), event, severity, members, hex);
    assert_int_equal(write(s->file, line, (size_t)n), n);
    assert_true(audit_hash(line, (size_t)n, s->prev));
    s->seq++;
}

void log_stage_lines(struct log_stage *s, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        log_stage_line(s, "op.command", "notice", "");
}

void log_stage_rotate(struct log_stage *s, uint64_t first)
{
    char name[64];

    (void)snprintf(name, sizeof name, "gate104-%020" PRIu64 ".jsonl", first);
    assert_int_equal(renameat(s->dir_fd, AUDIT_FILE_NAME, s->dir_fd, name), 0);
    (void)close(s->file);
    s->file = -1;
}

uint64_t log_stage_rotated(void *ctx, uint64_t want)
{
    const struct log_stage *s = ctx;
    DIR *dir = opendir(s->dir);
    uint64_t best = 0;
    struct dirent *e;

    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL) {
        uint64_t first;

        if (audit_shelf_is_name(e->d_name, &first) && first >= want &&
            (best == 0 || first < best))
            best = first;
    }
    (void)closedir(dir);
    return best;
}
