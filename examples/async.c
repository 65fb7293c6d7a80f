/*
 * Without waiting: an event loop that keeps many operations under way and reads back what it
 * stored. Sockets and timers of the program would stand beside the queue in the same poll().
 *
 *     async file:///tmp/async/      or      async s3://bucket/async/
 */
#include <poll.h>
#include <satchel/satchel.h>
#include <stdio.h>
#include <string.h>

enum { OBJECTS = 200, UNDER_WAY = 32 };

/* One object on its way up, down and away; what the loop finds in completion.user. */
struct object {
    enum { STORE, READ, DELETE, FINISHED } step;
    char key[32];
    char text[32];
};

static struct object objects[OBJECTS];

/* Submits the object's next step; nothing here waits. */
static int submit(satchel_submission *to, struct object *object, satchel_error *err)
{
    satchel_span text;
    text.data = object->text; /* stays as it is until the object's completion */
    text.len = strlen(object->text);
    to->user = object;
    if (object->step == STORE)
        return satchel_submit_put(to, object->key, text, NULL, err);
    if (object->step == READ)
        return satchel_submit_get(to, object->key, err);
    return satchel_submit_delete(to, object->key, NULL, err);
}

/* A step is over: is it what was expected? */
static int check(const satchel_completion *done, satchel_error *err)
{
    struct object *object = done->user;
    int same = done->data.len == strlen(object->text) &&
               memcmp(done->data.data, object->text, done->data.len) == 0;
    *err = done->err;
    if (done->err.code == SATCHEL_OK && object->step == READ && !same)
        err->code = SATCHEL_INTEGRITY;
    return err->code;
}

/* Takes every completion that is there and submits what comes next. */
static int take(satchel_queue *queue, satchel_submission *to, size_t *left, satchel_error *err)
{
    satchel_completion done = {0};
    int code = SATCHEL_OK;
    done.struct_size = sizeof done;
    while (code == SATCHEL_OK && satchel_queue_next(queue, 0, &done) > 0) {
        struct object *object = done.user;
        code = check(&done, err);
        satchel_completion_free(&done);
        object->step++;
        if (object->step == FINISHED)
            --*left;
        else if (code == SATCHEL_OK)
            code = submit(to, object, err);
    }
    return code;
}

static int run(satchel_queue *queue, satchel_submission *to, satchel_error *err)
{
    struct pollfd watched = {0};
    size_t begun = 0;
    size_t left = OBJECTS;
    int code = SATCHEL_OK;
    watched.fd = satchel_queue_fd(queue);
    watched.events = POLLIN;
    while (code == SATCHEL_OK && left > 0) {
        for (; begun < OBJECTS && begun - (OBJECTS - left) < UNDER_WAY; begun++) {
            struct object *object = &objects[begun];
            snprintf(object->key, sizeof object->key, "object-%lu", (unsigned long)begun);
            snprintf(object->text, sizeof object->text, "content %lu", (unsigned long)begun);
            code = submit(to, object, err);
            if (code != SATCHEL_OK)
                return code;
        }
        poll(&watched, 1, -1);
        code = take(queue, to, &left, err);
    }
    return code;
}

int main(int argc, char **argv)
{
    satchel_submission to = {0};
    satchel_error err = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: async URI\n");
        return 2;
    }
    to.struct_size = sizeof to;
    int code = satchel_store_open(argv[1], NULL, &to.store, &err);
    if (code == SATCHEL_OK)
        code = satchel_queue_new(NULL, &to.queue, &err);
    if (code == SATCHEL_OK)
        code = run(to.queue, &to, &err);
    satchel_queue_free(to.queue); /* before the store: it may still have work under way */
    satchel_store_close(to.store);
    if (code != SATCHEL_OK)
        fprintf(stderr, "%s: %s\n", satchel_code_name(code), err.text);
    else
        printf("stored, read and deleted %d objects, %d at a time\n", OBJECTS, UNDER_WAY);
    return code == SATCHEL_OK ? 0 : 1;
}
