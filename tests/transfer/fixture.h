/* What the transfer tests share: a folder of their own, files in it, connections, short ways. */
#ifndef SAT_TESTS_TRANSFER_FIXTURE_H
#define SAT_TESTS_TRANSFER_FIXTURE_H

#include "support/test.h"

#include "core/config.h"
#include "transfer/place.h"

extern struct sat_config *config;
extern struct sat_conns conns;

/* cmocka set-up and tear-down of a case: a new empty folder, fresh connections. */
int case_begin(void **state);
int case_end(void **state);
#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)

/* The case's folder, and a path in it; live until the end of the case. */
const char *folder(void);
const char *at(const char *name);
/* A formatted text that lives until the end of the case. */
const char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes the file and the folders it lies in. */
void put(const char *name, const char *content);
void put_bytes(const char *name, const void *data, size_t len);
void make_folder(const char *name);
void make_link(const char *name, const char *leads_to);
/* The file is there, a regular one, and has exactly this content. */
void assert_file(const char *name, const char *content);
void assert_missing(const char *name);
/* No ".satchel-*.part" anywhere in the folder. */
void assert_no_temps(void);

/* Stores an object; with `type` as its content type (may be NULL). */
void put_object(const char *uri, const char *content, const char *type);
void assert_object(const char *uri, const char *content);
void assert_no_object(const char *uri);
/* A mem:// store lives as long as somebody has it open: until the end of the case. */
void keep_store(const char *uri);
/* The connection and the full key of an object's URI; the key lives until the end of the case. */
struct sat_conn *reach_object(const char *uri, const char **key);

#endif
