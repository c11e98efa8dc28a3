/* Bounded cursors over octets that another process wrote or will read.
 *
 * Writing: wire_put_* append; the first append that does not fit sets `bad` and every
 * later one does nothing.  Reading: wire_get_* consume; the first read beyond the end
 * sets `bad` and every later one gives zeros.  A message is good only if, after all
 * fields were read, wire_end() says that nothing failed and nothing is left over.
 *
 * Integers are little endian, as in IEC 60870-5-101 clause 7.2.  No allocation, no I/O;
 * callable from any process. */
#ifndef GATE104_SANDBOX_WIRE_H
#define GATE104_SANDBOX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_writer {
    uint8_t *buf;
    size_t cap;
    size_t len;
    bool bad;
};

struct wire_reader {
    const uint8_t *buf;
    size_t len;
    size_t pos;
    bool bad;
};

void wire_writer_init(struct wire_writer *w, void *buf, size_t cap);
void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u16(struct wire_writer *w, uint16_t v);
void wire_put_u32(struct wire_writer *w, uint32_t v);
void wire_put_u64(struct wire_writer *w, uint64_t v);
void wire_put_bytes(struct wire_writer *w, const void *p, size_t n);
/* u16 length, then n octets. */
void wire_put_blob(struct wire_writer *w, const void *p, size_t n);
/* wire_put_blob of a NUL-terminated string, without the NUL. */
void wire_put_str(struct wire_writer *w, const char *s);

void wire_reader_init(struct wire_reader *r, const void *buf, size_t len);
uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
void wire_get_bytes(struct wire_reader *r, void *p, size_t n);
/* Points into the reader's buffer; returns NULL with *n = 0 when bad. */
const uint8_t *wire_get_blob(struct wire_reader *r, size_t *n);
/* Copies a blob as a NUL-terminated string; bad if it holds a NUL or needs more than
 * cap-1 octets. */
void wire_get_str(struct wire_reader *r, char *s, size_t cap);
/* Octets not yet read. */
size_t wire_left(const struct wire_reader *r);
/* True if every read was inside the buffer and nothing is left over. */
bool wire_end(const struct wire_reader *r);

#endif
