#include "proxy/config_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---------------------------------------------------------------------- */

static const char *errno_remedy(int e)
{
    if (e == ENOENT)
        return "create the file or correct the path";
    if (e == EACCES || e == EPERM)
        return "make the file and the folders above it readable for the user that starts "
               "gate104d";
    return "look at the file and its file system";
}

/* The octets, at most max + 1 of them: one more than allowed shows a file that grew. */
static char *read_all(int fd, size_t max, size_t *size)
{
    size_t cap = 0;
    size_t used = 0;
    char *buf = NULL;
    ssize_t n = 1;

    while (n != 0 && used <= max) {
        if (cap - used < 2) {
            char *more = realloc(buf, cap += cap / 2 + 65536);

            if (!more)
                break;
            buf = more;
        }
        n = read(fd, buf + used, cap - used - 1);
        if (n < 0 && errno != EINTR)
            break;
        used += n > 0 ? (size_t)n : 0;
    }
    if (n != 0 && used <= max) {
        free(buf);
        return NULL;
    }
    buf[used] = '\0';
    *size = used;
    return buf;
}

static bool regular(int fd, const char *path, const struct config_place *at,
                    struct config_errors *errs)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || S_ISREG(st.st_mode))
        return true;
    config_errors_add(errs, CONFIG_ERROR, at, "name a regular file", "\"%s\" is %s", path,
                      S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
    return false;
}

char *config_file_read(const char *path, size_t max, size_t *size,
                       const struct config_place *at, struct config_errors *errs)
{
    /* Not to hang on a FIFO before its kind is known. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *buf = NULL;

    *size = 0;
    if (fd < 0) {
        config_errors_add(errs, CONFIG_ERROR, at, errno_remedy(errno),
                          "cannot open \"%s\": %s", path, strerror(errno));
        return NULL;
    }
    if (regular(fd, path, at, errs)) {
        buf = read_all(fd, max, size);
        if (!buf)
            config_errors_add(errs, CONFIG_ERROR, at, errno_remedy(errno),
                              "cannot read \"%s\": %s", path, strerror(errno));
    }
    (void)close(fd);
    if (buf && *size > max) {
        config_errors_add(errs, CONFIG_ERROR, at, "make the file smaller",
                          "\"%s\" is larger than %zu octets", path, max);
        free(buf);
        return NULL;
    }
    return buf;
}

/* ---- scanning --------------------------------------------------------------------- */

struct scan {
    const char *file;
    const char *text;
    size_t size;
    size_t pos;
    unsigned int line;
    bool after_string; /* only white space and comments since the last string's end */
    unsigned int depth;
    char open[CONFIG_NESTING_MAX];
    unsigned int open_line[CONFIG_NESTING_MAX];
    struct config_errors *errs;
};

__attribute__((format(printf, 4, 5))) static void
complain(struct scan *s, unsigned int line, const char *remedy, const char *what, ...)
{
    struct config_place at = {s->file, line, NULL};
    va_list ap;

    va_start(ap, what);
    config_errors_vadd(s->errs, CONFIG_ERROR, &at, remedy, what, ap);
    va_end(ap);
}

static char peek(const struct scan *s, size_t ahead)
{
    return ahead < s->size - s->pos ? s->text[s->pos + ahead] : '\0';
}

static void step(struct scan *s)
{
    if (s->pos < s->size && s->text[s->pos] == '\n')
        s->line++;
    if (s->pos < s->size)
        s->pos++;
}

/* Stops at the first bad octet: what follows is likely in the same wrong encoding. */
static void check_octets(struct scan *s)
{
    unsigned int line = 1;
    size_t n;

    for (size_t i = 0; i < s->size; i += n) {
        n = config_utf8_size((const unsigned char *)s->text + i, s->size - i);
        if (s->text[i] == '\n')
            line++;
        if (n > 0 && s->text[i] != '\0')
            continue;
        if (n > 0)
            complain(s, line, "remove it; is this a text file?",
                     "there is a NUL octet in the file");
        else
            complain(s, line, "save the file as UTF-8", "octet 0x%02X is not UTF-8",
                     (unsigned char)s->text[i]);
        return;
    }
}

static void skip_line_comment(struct scan *s)
{
    while (s->pos < s->size && s->text[s->pos] != '\n')
        s->pos++;
}

static void skip_block_comment(struct scan *s)
{
    unsigned int line = s->line;

    s->pos += 2;
    while (s->pos < s->size) {
        if (peek(s, 0) == '*' && peek(s, 1) == '/') {
            s->pos += 2;
            return;
        }
        step(s);
    }
    complain(s, line, "end it with */", "the comment that begins here has no end");
}

static void skip_string(struct scan *s)
{
    unsigned int line = s->line;

    if (s->after_string)
        complain(s, s->line, "put a comma between them, or write them as one",
                 "two strings follow each other");
    s->pos++;
    while (s->pos < s->size && s->text[s->pos] != '"') {
        if (s->text[s->pos] == '\\')
            step(s);
        step(s);
    }
    if (s->pos >= s->size)
        complain(s, line, "end it with \"", "the string that begins here has no end");
    s->pos = s->pos < s->size ? s->pos + 1 : s->size;
    s->after_string = true;
}

static void skip_name(struct scan *s)
{
    while (isalnum((unsigned char)peek(s, 0)) || strchr("-_*", peek(s, 0))) {
        if (s->pos >= s->size)
            return;
        s->pos++;
    }
}

/* What follows the integer part of a float: no limit there. */
static void skip_fraction(struct scan *s)
{
    bool exponent = false;

    while (s->pos < s->size) {
        char c = peek(s, 0);

        if (!isdigit((unsigned char)c) && !strchr(".eE", c) &&
            !(exponent && strchr("+-", c)))
            return;
        exponent = c == 'e' || c == 'E';
        s->pos++;
    }
}

/* libconfig reads integers with atoi and keeps 32 bits, so that 4294967297 were 1. */
static void skip_number(struct scan *s)
{
    bool hex = peek(s, 0) == '0' && (peek(s, 1) == 'x' || peek(s, 1) == 'X');
    uint64_t value = 0;
    uint64_t base = hex ? 16 : 10;
    unsigned int line = s->line;

    s->pos += hex ? 2 : 0;
    while (isxdigit((unsigned char)peek(s, 0)) &&
           (hex || isdigit((unsigned char)peek(s, 0)))) {
        unsigned char c = (unsigned char)s->text[s->pos++];
        uint64_t digit =
            isdigit(c) ? (uint64_t)(c - '0') : (uint64_t)(toupper(c) - 'A') + 10;

        value = value > INT32_MAX ? value : value * base + digit;
    }
    if (!hex && (peek(s, 0) == '.' || tolower((unsigned char)peek(s, 0)) == 'e'))
        skip_fraction(s);
    else if (value > INT32_MAX)
        complain(s, line,
                 "write a value with a point, 4294967295.0; other numbers are never that "
                 "large",
                 "the number here is above %d", INT32_MAX);
}

static void open_bracket(struct scan *s, char c)
{
    s->pos++;
    if (s->depth >= CONFIG_NESTING_MAX) {
        complain(s, s->line, "close brackets before opening more",
                 "brackets are nested more than %u deep", CONFIG_NESTING_MAX);
        s->pos = s->size;
        s->depth = 0;
        return;
    }
    s->open[s->depth] = c;
    s->open_line[s->depth] = s->line;
    s->depth++;
}

static void close_bracket(struct scan *s, char c)
{
    static const char pairs[] = "(){}[]";
    char opener = *(strchr(pairs, c) - 1);

    s->pos++;
    if (s->depth == 0) {
        complain(s, s->line, "remove it, or open it before", "'%c' closes nothing", c);
        s->pos = s->size;
        return;
    }
    s->depth--;
    if (s->open[s->depth] == opener)
        return;
    complain(s, s->line, "one of the two is wrong, or one is missing between them",
             "'%c' stands against '%c' of line %u", c, s->open[s->depth],
             s->open_line[s->depth]);
    s->depth = 0;
    s->pos = s->size;
}

static void refuse_include(struct scan *s)
{
    complain(s, s->line, "put the settings into this file",
             "'@': including other files is not supported");
    skip_line_comment(s);
}

static void scan_token(struct scan *s)
{
    char c = peek(s, 0);

    if (c == '#' || (c == '/' && peek(s, 1) == '/')) {
        skip_line_comment(s);
        return;
    }
    if (c == '/' && peek(s, 1) == '*') {
        skip_block_comment(s);
        return;
    }
    if (isspace((unsigned char)c)) {
        step(s);
        return;
    }
    if (c == '"') {
        skip_string(s);
        return;
    }
    s->after_string = false;
    if (isdigit((unsigned char)c) || c == '.')
        skip_number(s);
    else if (isalpha((unsigned char)c) || c == '*')
        skip_name(s);
    else if (c == '(' || c == '{' || c == '[')
        open_bracket(s, c);
    else if (c == ')' || c == '}' || c == ']')
        close_bracket(s, c);
    else if (c == '@')
        refuse_include(s);
    else
        step(s);
}

bool config_text_scan(const char *file, const char *text, size_t size,
                      struct config_errors *errs)
{
    struct scan s = {.file = file, .text = text, .size = size, .line = 1, .errs = errs};
    size_t before = errs->errors;

    check_octets(&s);
    if (errs->errors > before)
        return false;
    /* Every call takes at least one octet. */
    while (s.pos < s.size)
        scan_token(&s);
    if (s.depth > 0)
        complain(&s, s.open_line[s.depth - 1], "close it", "'%c' is never closed",
                 s.open[s.depth - 1]);
    return errs->errors == before;
}
