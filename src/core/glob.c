/*
 * Glob patterns compiled to a small program, matched by running all its threads side by side.
 *
 * (1) A set of threads holds each instruction once, so a text of n characters costs at most
 *     n * instructions, whatever the pattern: nothing backtracks.
 * (2) Matching allocates nothing and only reads the program: threads may share a glob.
 */
#include "glob.h"

#include <stdint.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "str.h"
#include "vec.h"

enum {
    /* The densest pattern ("{*,*,...") needs five instructions for two bytes. */
    PROGRAM_MAX = 3 * SAT_GLOB_PATTERN_MAX,
    /* Bytes that are not UTF-8 become code points of their own, which no valid text has. */
    BAD_BYTE = 0xDC00,
};

enum op {
    OP_CHAR,    /* this code point */
    OP_SEGMENT, /* any code point but '/' */
    OP_ANY,     /* any code point */
    OP_CLASS,   /* one of the ranges, or none of them; never '/' */
    OP_SPLIT,   /* go on at both targets */
    OP_JUMP,    /* go on at the target */
    OP_MATCH,
};

struct instruction {
    uint8_t op;
    bool negated;    /* CLASS */
    uint16_t target; /* SPLIT (besides the next), JUMP */
    uint16_t count;  /* CLASS: ranges */
    uint32_t value;  /* CHAR: code point; CLASS: first range */
};

struct range {
    uint32_t low;
    uint32_t high;
};

struct sat_glob {
    struct sat_vec program; /* struct instruction */
    struct sat_vec ranges;  /* struct range */
    char prefix[SAT_GLOB_PATTERN_MAX + 1];
    size_t prefix_len;
};

struct compiler {
    struct sat_glob *glob;
    const char *pattern;
    size_t len;
    size_t at;
    bool segment_start; /* what was compiled last ends a segment, or nothing was */
    bool nomem;         /* an append failed; noticed at the end */
    satchel_error *err;
};

/* One character of any text: a code point, or BAD_BYTE + the byte where it is not UTF-8. */
static uint32_t next_char(const char *text, size_t len, size_t *at)
{
    unsigned char lead = (unsigned char)text[*at];
    if (lead < 0x80) {
        (*at)++;
        return lead;
    }
    size_t n = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (n > len - *at || !sat_utf8_valid(text + *at, n)) {
        (*at)++;
        return BAD_BYTE + (uint32_t)lead;
    }
    return sat_utf8_next(text, len, at);
}

static struct instruction *instruction_at(const struct sat_glob *glob, size_t i)
{
    return sat_vec_at(&glob->program, i);
}

/* Index of the instruction that comes next. */
static size_t here(const struct compiler *c)
{
    return c->glob->program.len;
}

/* Appends an instruction; its index. */
static size_t emit(struct compiler *c, enum op op, uint32_t value)
{
    struct instruction new = {.op = (uint8_t)op, .value = value};
    size_t at = here(c);
    if (sat_vec_push(&c->glob->program, &new) == NULL)
        c->nomem = true;
    return at;
}

static void set_target(struct compiler *c, size_t at, size_t target)
{
    if (!c->nomem)
        instruction_at(c->glob, at)->target = (uint16_t)target;
}

/* Positions count from 1, as people do. */
static int bad(const struct compiler *c, size_t at, const char *what)
{
    return sat_error_set(c->err, SATCHEL_INVALID, "bad pattern '%.200s': %s at position %zu",
                         c->pattern, what, at + 1);
}

static char peek(const struct compiler *c)
{
    return c->at < c->len ? c->pattern[c->at] : '\0';
}

/* SPLIT past the loop; `op`; JUMP back. */
static void emit_star(struct compiler *c, enum op op)
{
    size_t split = emit(c, OP_SPLIT, 0);
    (void)emit(c, op, 0);
    size_t jump = emit(c, OP_JUMP, 0);
    set_target(c, jump, split);
    set_target(c, split, here(c));
}

/* A run of stars; a double one takes the '/' behind it along when whole segments may be absent. */
static void compile_stars(struct compiler *c)
{
    size_t from = c->at;
    while (peek(c) == '*')
        c->at++;
    bool crossing = c->at - from > 1;
    if (crossing && c->segment_start && peek(c) == '/') {
        c->at++;
        size_t split = emit(c, OP_SPLIT, 0);
        emit_star(c, OP_ANY);
        (void)emit(c, OP_CHAR, '/');
        set_target(c, split, here(c));
        return;
    }
    emit_star(c, crossing ? OP_ANY : OP_SEGMENT);
    c->segment_start = false;
}

/* The character at c->at, which '\' may protect; the end of the pattern is INVALID. */
static int take_char(struct compiler *c, uint32_t *out)
{
    if (peek(c) == '\\') {
        c->at++;
        if (c->at == c->len)
            return bad(c, c->at - 1, "nothing behind '\\'");
    }
    *out = next_char(c->pattern, c->len, &c->at);
    return SATCHEL_OK;
}

/* One character or range of a class. */
static int compile_range(struct compiler *c)
{
    struct range range;
    size_t from = c->at;
    int code = take_char(c, &range.low);
    if (code != SATCHEL_OK)
        return code;
    range.high = range.low;
    bool spans = peek(c) == '-' && c->at + 1 < c->len && c->pattern[c->at + 1] != ']';
    if (spans) {
        c->at++;
        code = take_char(c, &range.high);
        if (code != SATCHEL_OK)
            return code;
    }
    if (range.high < range.low)
        return bad(c, from, "reversed range");
    if (sat_vec_push(&c->glob->ranges, &range) == NULL)
        c->nomem = true;
    return SATCHEL_OK;
}

/* From '[' behind its ']'. A class never matches '/', so it ends no segment. */
static int compile_class(struct compiler *c)
{
    size_t open = c->at++;
    bool negated = peek(c) == '!';
    if (negated)
        c->at++;
    size_t first = c->glob->ranges.len;
    size_t start = c->at;
    while (c->at < c->len && (peek(c) != ']' || c->at == start)) {
        int code = compile_range(c);
        if (code != SATCHEL_OK)
            return code;
    }
    if (c->at == c->len)
        return bad(c, open, "'[' is not closed");
    c->at++;
    size_t at = emit(c, OP_CLASS, (uint32_t)first);
    if (!c->nomem) {
        struct instruction *class = instruction_at(c->glob, at);
        class->negated = negated;
        class->count = (uint16_t)(c->glob->ranges.len - first);
    }
    c->segment_start = false;
    return SATCHEL_OK;
}

static int compile_sequence(struct compiler *c, size_t nesting);

/* JUMPs out of finished alternatives are chained by their values (0 ends) until the end is known.
 */
static void close_jumps(struct compiler *c, size_t last)
{
    while (last != 0 && !c->nomem) {
        struct instruction *jump = instruction_at(c->glob, last);
        jump->target = (uint16_t)here(c);
        last = jump->value;
    }
}

/* From '{' behind its '}': SPLIT to the next alternative, JUMP over the later ones. */
static int compile_braces(struct compiler *c, size_t nesting)
{
    size_t open = c->at;
    bool segment_start = c->segment_start;
    size_t last_jump = 0;
    if (nesting == SAT_GLOB_NESTING_MAX)
        return bad(c, open, "'{' is nested too deep");
    do {
        c->at++; /* '{' or ',' */
        c->segment_start = segment_start;
        size_t split = emit(c, OP_SPLIT, 0);
        int code = compile_sequence(c, nesting + 1);
        if (code != SATCHEL_OK)
            return code;
        if (peek(c) == ',') {
            last_jump = emit(c, OP_JUMP, (uint32_t)last_jump);
            set_target(c, split, here(c));
        } else {
            set_target(c, split, split + 1); /* the last alternative: no other way */
        }
    } while (peek(c) == ',');
    if (peek(c) != '}')
        return bad(c, open, "'{' is not closed");
    c->at++;
    close_jumps(c, last_jump);
    c->segment_start = false;
    return SATCHEL_OK;
}

/* A literal character; '/' lets a double star behind it stand for whole segments. */
static int compile_char(struct compiler *c)
{
    uint32_t value;
    int code = take_char(c, &value);
    if (code != SATCHEL_OK)
        return code;
    (void)emit(c, OP_CHAR, value);
    c->segment_start = value == '/';
    return SATCHEL_OK;
}

/* Up to the end, or inside braces to the ',' or '}' that ends an alternative. */
static int compile_sequence(struct compiler *c, size_t nesting)
{
    int code = SATCHEL_OK;
    while (c->at < c->len && code == SATCHEL_OK) {
        switch (peek(c)) {
        case '*':
            compile_stars(c);
            break;
        case '?':
            c->at++;
            (void)emit(c, OP_SEGMENT, 0);
            c->segment_start = false;
            break;
        case '[':
            code = compile_class(c);
            break;
        case '{':
            code = compile_braces(c, nesting);
            break;
        case ',':
        case '}':
            if (nesting > 0)
                return SATCHEL_OK;
            code = compile_char(c);
            break;
        default:
            code = compile_char(c);
            break;
        }
    }
    return code;
}

/* The pattern's text up to its first wildcard, '\' taken away. */
static void keep_prefix(struct sat_glob *glob, const char *pattern)
{
    size_t len = 0;
    for (; *pattern != '\0' && strchr("*?[{", *pattern) == NULL; pattern++) {
        if (*pattern == '\\')
            pattern++;
        glob->prefix[len++] = *pattern;
    }
    glob->prefix[len] = '\0';
    glob->prefix_len = len;
}

static int compile(struct sat_glob *glob, const char *pattern, satchel_error *err)
{
    struct compiler c = {
        .glob = glob,
        .pattern = pattern,
        .len = strlen(pattern),
        .segment_start = true,
        .err = err,
    };
    int code = compile_sequence(&c, 0);
    if (code != SATCHEL_OK)
        return code;
    (void)emit(&c, OP_MATCH, 0);
    if (c.nomem)
        return sat_error_nomem(err);
    keep_prefix(glob, pattern);
    return SATCHEL_OK;
}

int sat_glob_new(const char *pattern, struct sat_glob **glob, satchel_error *err)
{
    *glob = NULL;
    if (strlen(pattern) > SAT_GLOB_PATTERN_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "pattern is over %d bytes: '%.100s...'",
                             SAT_GLOB_PATTERN_MAX, pattern);
    struct sat_glob *new = sat_calloc(1, sizeof *new);
    if (new == NULL)
        return sat_error_nomem(err);
    sat_vec_init(&new->program, sizeof(struct instruction));
    sat_vec_init(&new->ranges, sizeof(struct range));
    int code = compile(new, pattern, err);
    if (code != SATCHEL_OK) {
        sat_glob_free(new);
        return code;
    }
    *glob = new;
    return SATCHEL_OK;
}

void sat_glob_free(struct sat_glob *glob)
{
    if (glob == NULL)
        return;
    sat_vec_fini(&glob->program);
    sat_vec_fini(&glob->ranges);
    sat_free(glob);
}

const char *sat_glob_prefix(const struct sat_glob *glob)
{
    return glob->prefix;
}

bool sat_glob_has_magic(const char *text)
{
    return strpbrk(text, "*?[{") != NULL;
}

/* A set of instructions in order of arrival, see (1). */
struct threads {
    size_t len;
    uint16_t at[PROGRAM_MAX];
    uint8_t has[PROGRAM_MAX / 8 + 1];
};

static void clear(const struct sat_glob *glob, struct threads *set)
{
    set->len = 0;
    memset(set->has, 0, glob->program.len / 8 + 1);
}

static void add(struct threads *set, size_t at)
{
    uint8_t bit = (uint8_t)(1U << at % 8);
    if ((set->has[at / 8] & bit) != 0)
        return;
    set->has[at / 8] |= bit;
    set->at[set->len++] = (uint16_t)at;
}

static bool in_class(const struct sat_glob *glob, const struct instruction *class, uint32_t c)
{
    bool found = false;
    for (size_t i = 0; i < class->count && !found; i++) {
        const struct range *range = sat_vec_at(&glob->ranges, class->value + i);
        found = c >= range->low && c <= range->high;
    }
    return c != '/' && found != class->negated;
}

/* Whether the instruction takes the character; SPLIT, JUMP and MATCH take none. */
static bool eats(const struct sat_glob *glob, const struct instruction *step, uint32_t c)
{
    switch ((enum op)step->op) {
    case OP_CHAR:
        return c == step->value;
    case OP_SEGMENT:
        return c != '/';
    case OP_ANY:
        return true;
    case OP_CLASS:
        return in_class(glob, step, c);
    default:
        return false;
    }
}

/* Follows SPLIT and JUMP: the set grows while it is walked. True when MATCH is among them. */
static bool follow(const struct sat_glob *glob, struct threads *set)
{
    bool matched = false;
    for (size_t i = 0; i < set->len; i++) {
        size_t at = set->at[i];
        const struct instruction *step = instruction_at(glob, at);
        if (step->op == OP_SPLIT)
            add(set, at + 1);
        if (step->op == OP_SPLIT || step->op == OP_JUMP)
            add(set, step->target);
        matched = matched || step->op == OP_MATCH;
    }
    return matched;
}

/* The threads that survive the character, each one instruction on. */
static void advance(const struct sat_glob *glob, const struct threads *from, struct threads *to,
                    uint32_t c)
{
    clear(glob, to);
    for (size_t i = 0; i < from->len; i++) {
        size_t at = from->at[i];
        if (eats(glob, instruction_at(glob, at), c))
            add(to, at + 1);
    }
}

bool sat_glob_match(const struct sat_glob *glob, satchel_span text)
{
    const char *p = text.data;
    if (text.len < glob->prefix_len)
        return false;
    if (glob->prefix_len > 0 && memcmp(p, glob->prefix, glob->prefix_len) != 0)
        return false;
    struct threads sets[2];
    struct threads *now = &sets[0];
    struct threads *next = &sets[1];
    clear(glob, now);
    add(now, 0);
    bool matched = follow(glob, now);
    for (size_t at = 0; at < text.len && now->len > 0;) {
        advance(glob, now, next, next_char(p, text.len, &at));
        matched = follow(glob, next);
        struct threads *used = now;
        now = next;
        next = used;
    }
    return matched;
}
