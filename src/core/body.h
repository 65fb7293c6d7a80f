/* Where the bytes of a PUT come from (sources) and where those of a GET go (sinks). */
#ifndef SAT_CORE_BODY_H
#define SAT_CORE_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/buf.h"

enum sat_source_kind {
    SAT_SOURCE_NONE,
    SAT_SOURCE_SPAN,
    SAT_SOURCE_FILE,
    SAT_SOURCE_OBJECT, /* one version of another store's object, read range by range; PUT only */
    SAT_SOURCE_PULL,   /* a stream, read once and in order; PUT of local stores only */
};

/* The length of a PULL. */
#define SAT_SOURCE_UNKNOWN UINT64_MAX

struct sat_conn;
struct sat_op;

/*
 * A rewindable source: any part can be read again, so that a retry can replay it. The bytes and
 * the descriptor are borrowed; they must stay unchanged until the op is done.
 */
struct sat_source {
    enum sat_source_kind kind;
    const char *data;      /* SPAN */
    int fd;                /* FILE: read with pread, its position is not used */
    uint64_t offset;       /* FILE: first byte */
    uint64_t length;       /* bytes, all kinds; UNKNOWN for a PULL */
    struct sat_conn *conn; /* OBJECT */
    const char *key;       /* OBJECT: full key */
    const char *etag;      /* OBJECT: the version to read */
    struct sat_op *reader; /* OBJECT: its reads end early with this op; NULL = none */
    /*
     * Asked on a worker before an upload in parts is finished, and by local stores of an OBJECT
     * before it gets its name; not OK = it is dropped. `crc64` is
     * of the bytes that were sent; NULL where none was taken. NULL = not wanted.
     */
    int (*unchanged)(void *user, const uint64_t *crc64, satchel_error *err);
    /* PULL: the next bytes, waiting for some; *got is 0 only at the end. */
    int (*pull)(void *user, void *out, size_t len, size_t *got, satchel_error *err);
    void *user;
};

struct sat_source sat_source_span(satchel_span span);
struct sat_source sat_source_file(int fd, uint64_t offset, uint64_t length);
struct sat_source sat_source_pull(int (*pull)(void *user, void *out, size_t len, size_t *got,
                                              satchel_error *err),
                                  void *user);

/* `length` bytes of a span or file source from byte `offset` on. */
struct sat_source sat_source_part(const struct sat_source *whole, uint64_t offset, uint64_t length);

/*
 * Reads up to `len` bytes from byte `at` of the source; *got is 0 only at its end. A file that is
 * shorter than `length`, or an object that is another version now, is SATCHEL_MODIFIED.
 */
int sat_source_read(const struct sat_source *source, uint64_t at, void *out, size_t len,
                    size_t *got, satchel_error *err);

/* Bytes of one read that serve the source well: a range of an object costs a request. */
size_t sat_source_block(const struct sat_source *source);
/* What source->unchanged says of an OBJECT whose bytes have that sum; OK for all others. */
int sat_source_fits(const struct sat_source *source, uint64_t crc64, satchel_error *err);
/* The CRC64-NVME of a whole span or file source, block by block. */
int sat_source_crc64(const struct sat_source *source, uint64_t *crc64, satchel_error *err);

enum sat_sink_kind { SAT_SINK_NONE, SAT_SINK_MEMORY, SAT_SINK_FILE };

/*
 * A sink gathers the bytes of one GET. FILE gathers them into one SAT_SINK_BLOCK buffer and writes
 * whole, file-aligned blocks. The CRC64-NVME of every byte is taken on the way.
 */
#define SAT_SINK_BLOCK ((size_t)256 * 1024)

struct sat_sink {
    enum sat_sink_kind kind;
    struct sat_buf *memory; /* MEMORY: borrowed; its max bounds the object */
    int fd;                 /* FILE: borrowed */
    uint64_t offset;        /* FILE: where byte 0 of the body goes */
    /* Counts the bytes as they come; a rewind takes them back. NULL = not wanted. */
    atomic_uint_least64_t *moved;
    /* State, reset by sat_sink_rewind(). */
    uint64_t received;
    uint64_t crc64;
    char *block;
    size_t block_used;
    uint64_t written;
    bool want_md5; /* set after the reply head, when nothing better can verify the body */
    void *md5;     /* running digest, owned */
};

struct sat_sink sat_sink_memory(struct sat_buf *memory);
struct sat_sink sat_sink_file(int fd, uint64_t offset);

/* Takes the next bytes. LIMIT when memory is full, IO when the file cannot be written. */
int sat_sink_write(struct sat_sink *sink, const void *data, size_t len, satchel_error *err);
/* Writes what is still gathered. Call once, after the last byte. */
int sat_sink_finish(struct sat_sink *sink, satchel_error *err);
/* The MD5 of what was received; false when want_md5 was not set. */
bool sat_sink_md5(const struct sat_sink *sink, unsigned char out[16]);
/* Forgets everything received, for another attempt. */
void sat_sink_rewind(struct sat_sink *sink);
/* Frees what the sink holds (not the memory, not the descriptor). */
void sat_sink_fini(struct sat_sink *sink);

#endif
