/* A bucket of a case's own on a real S3 server, for tests that see the public headers only. */
#include "api/s3_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char s3_bucket[64];

bool s3_is_there(void)
{
    return getenv("SATCHEL_TEST_S3_URL") != NULL && getenv("SATCHEL_TEST_S3_KEY") != NULL &&
           getenv("SATCHEL_TEST_S3_SECRET") != NULL;
}

const char *s3(const char *key)
{
    static char kept[8][256];
    static unsigned next;
    char *text = kept[next++ % 8];
    snprintf(text, sizeof kept[0], "s3://%s/%s", s3_bucket, key);
    return text;
}

int s3_begin(void **state)
{
    static unsigned cases;
    snprintf(s3_bucket, sizeof s3_bucket, "satchel-api-%ld-%u", (long)getpid(), cases++);
    if (case_begin(state) != 0)
        return -1;
    int code = satchel_config_set(config, "endpoint_url", getenv("SATCHEL_TEST_S3_URL"), &err);
    if (code == SATCHEL_OK)
        code = satchel_config_set(config, "access_key_id", getenv("SATCHEL_TEST_S3_KEY"), &err);
    if (code == SATCHEL_OK)
        code =
            satchel_config_set(config, "secret_access_key", getenv("SATCHEL_TEST_S3_SECRET"), &err);
    return code;
}

int s3_end(void **state)
{
    satchel_store *store = NULL;
    satchel_cursor *cursor = NULL;
    const satchel_entry *entry = NULL;
    if (satchel_store_open(s3(""), config, &store, NULL) == SATCHEL_OK &&
        satchel_list(store, "", 1, &cursor, NULL) == SATCHEL_OK) {
        while (satchel_cursor_next(cursor, &entry, NULL) == SATCHEL_OK && entry != NULL)
            (void)satchel_delete(store, entry->key, NULL, NULL);
        satchel_cursor_close(cursor);
        (void)satchel_bucket_delete(store, NULL);
    }
    satchel_store_close(store);
    return case_end(state);
}
