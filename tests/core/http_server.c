/* The scripted server: one thread, one poll loop. */
#include "core/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, KEPT_REQUESTS = 64, READ_SIZE = 64 * 1024 };

struct peer {
    int fd;
    bool stalled;
    const char *rest; /* held back */
    char *data;       /* bytes of the request so far */
    size_t len;
};

struct http_server {
    struct http_step *steps;
    size_t count;
    int listener;
    int stop;
    int release;
    char url[64];
    pthread_t thread;
    struct peer peers[CONNECTIONS_MAX]; /* the thread's own */
    size_t peer_count;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool releasing;
    unsigned requests;
    unsigned connections;
    char *kept[KEPT_REQUESTS];
};

static void must(bool fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    abort();
}

/* ---- one connection */

static void drop_peer(struct http_server *server, size_t i, bool reset)
{
    struct peer *peer = &server->peers[i];
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        (void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(peer->fd);
    free(peer->data);
    *peer = server->peers[--server->peer_count];
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static void note_request(struct http_server *server, const char *data, size_t len)
{
    (void)pthread_mutex_lock(&server->lock);
    if (server->requests < KEPT_REQUESTS)
        server->kept[server->requests] = strndup(data, len);
    server->requests++;
    (void)pthread_cond_broadcast(&server->news);
    (void)pthread_mutex_unlock(&server->lock);
}

static size_t content_length(const char *head, size_t len)
{
    static const char name[] = "\r\nContent-Length:";
    for (size_t i = 0; i + sizeof name < len; i++) {
        if (strncasecmp(head + i, name, sizeof name - 1) == 0)
            return (size_t)strtoull(head + i + sizeof name - 1, NULL, 10);
    }
    return 0;
}

/* Bytes of the request at the start of `peer`, 0 = not complete yet. */
static size_t request_length(const struct peer *peer, bool at_head)
{
    const char *end = memmem(peer->data, peer->len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - peer->data) + 4;
    if (at_head)
        return peer->len;
    size_t whole = head + content_length(peer->data, head);
    return whole <= peer->len ? whole : 0;
}

/* Sends the object, or the range of it that the request asks for. */
static bool send_object(const struct peer *peer, const char *request, const struct http_step *step)
{
    char head[1024];
    size_t size = step->len > 0 ? step->len : strlen(step->object);
    size_t first = 0;
    size_t last = size - 1;
    const char *range = strcasestr(request, "\r\nRange: bytes=");
    if (range != NULL)
        (void)sscanf(range, "%*[^=]=%zu-%zu", &first, &last);
    must(first <= last && last < size, "a range of the object");
    size_t length = last - first + 1;
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s",
                     range == NULL ? "200 OK" : "206 Partial Content", length, step->headers);
    if (range != NULL)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Range: bytes %zu-%zu/%zu\r\n",
                      first, last, size);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    if (step->cut > 0 && step->cut < length)
        length = step->cut;
    return send_all(peer->fd, head, (size_t)n) && send_all(peer->fd, step->object + first, length);
}

static bool send_reply(const struct peer *peer, const char *request, const struct http_step *step)
{
    if (step->object != NULL)
        return send_object(peer, request, step);
    size_t len = step->bytes == NULL ? 0 : step->len > 0 ? step->len : strlen(step->bytes);
    return send_all(peer->fd, step->bytes, len);
}

/* Answers what is complete; false when the connection is gone. */
static bool answer(struct http_server *server, size_t i)
{
    struct peer *peer = &server->peers[i];
    while (peer->len > 0 && !peer->stalled) {
        size_t n = server->requests < server->count ? server->requests : server->count - 1;
        const struct http_step *step = &server->steps[n];
        size_t used = request_length(peer, step->at_head);
        if (used == 0)
            return true;
        note_request(server, peer->data, used);
        char *request = strndup(peer->data, used);
        must(request != NULL, "strndup");
        peer->len -= used;
        memmove(peer->data, peer->data + used, peer->len);
        bool sent = send_reply(peer, request, step);
        free(request);
        peer->rest = step->rest;
        peer->stalled = step->then == HTTP_STALL;
        if (!sent || step->then == HTTP_CLOSE || step->then == HTTP_RESET) {
            drop_peer(server, i, step->then == HTTP_RESET);
            return false;
        }
    }
    return true;
}

/* False when the connection is gone. */
static bool read_peer(struct http_server *server, size_t i)
{
    struct peer *peer = &server->peers[i];
    char *grown = realloc(peer->data, peer->len + READ_SIZE);
    must(grown != NULL, "realloc");
    peer->data = grown;
    ssize_t n = recv(peer->fd, peer->data + peer->len, READ_SIZE, 0);
    if (n <= 0) {
        drop_peer(server, i, false);
        return false;
    }
    peer->len += (size_t)n;
    return answer(server, i);
}

static void take_peer(struct http_server *server)
{
    int on = 1;
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    must(fd >= 0 && server->peer_count < CONNECTIONS_MAX, "accept");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    server->peers[server->peer_count++] = (struct peer){.fd = fd};
    (void)pthread_mutex_lock(&server->lock);
    server->connections++;
    (void)pthread_mutex_unlock(&server->lock);
}

static void release_rests(struct http_server *server)
{
    eventfd_t count;
    must(eventfd_read(server->release, &count) == 0, "eventfd_read");
    for (size_t i = 0; i < server->peer_count; i++) {
        struct peer *peer = &server->peers[i];
        if (peer->rest != NULL)
            must(send_all(peer->fd, peer->rest, strlen(peer->rest)), "send");
        peer->rest = NULL;
    }
    (void)pthread_mutex_lock(&server->lock);
    server->releasing = false;
    (void)pthread_cond_broadcast(&server->news);
    (void)pthread_mutex_unlock(&server->lock);
}

/* ---- the thread */

static void *serve(void *arg)
{
    struct http_server *server = arg;
    enum { OWN = 3 };
    struct pollfd fds[CONNECTIONS_MAX + OWN];
    for (;;) {
        fds[0] = (struct pollfd){.fd = server->stop, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = server->listener, .events = POLLIN};
        fds[2] = (struct pollfd){.fd = server->release, .events = POLLIN};
        for (size_t i = 0; i < server->peer_count; i++) {
            const struct peer *peer = &server->peers[i];
            fds[i + OWN] = (struct pollfd){.fd = peer->fd, .events = peer->stalled ? 0 : POLLIN};
        }
        must(poll(fds, server->peer_count + OWN, -1) > 0, "poll");
        if (fds[0].revents != 0)
            return NULL;
        /* From the end: a peer that goes is replaced by the last one, which was looked at. */
        for (size_t i = server->peer_count; i-- > 0;) {
            if (fds[i + OWN].revents != 0)
                (void)read_peer(server, i);
        }
        if (fds[2].revents != 0)
            release_rests(server);
        if (fds[1].revents != 0)
            take_peer(server);
    }
}

struct http_server *http_server_start(const struct http_step *steps, size_t count)
{
    struct http_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    must(server != NULL, "calloc");
    server->steps = calloc(count, sizeof *steps);
    must(server->steps != NULL, "calloc");
    memcpy(server->steps, steps, count * sizeof *steps);
    server->count = count;
    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_cond_init(&server->news, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    server->stop = eventfd(0, EFD_CLOEXEC);
    server->release = eventfd(0, EFD_CLOEXEC);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(bind(server->listener, (struct sockaddr *)&address, size) == 0, "bind");
    must(listen(server->listener, CONNECTIONS_MAX) == 0, "listen");
    must(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
    must(pthread_create(&server->thread, NULL, serve, server) == 0, "pthread_create");
    return server;
}

void http_server_stop(struct http_server *server)
{
    must(eventfd_write(server->stop, 1) == 0, "eventfd_write");
    (void)pthread_join(server->thread, NULL);
    while (server->peer_count > 0)
        drop_peer(server, 0, false);
    (void)close(server->listener);
    (void)close(server->stop);
    (void)close(server->release);
    for (size_t i = 0; i < KEPT_REQUESTS; i++)
        free(server->kept[i]);
    (void)pthread_cond_destroy(&server->news);
    (void)pthread_mutex_destroy(&server->lock);
    free(server->steps);
    free(server);
}

const char *http_server_url(const struct http_server *server)
{
    return server->url;
}

unsigned http_server_requests(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    unsigned requests = server->requests;
    (void)pthread_mutex_unlock(&server->lock);
    return requests;
}

unsigned http_server_connections(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    unsigned connections = server->connections;
    (void)pthread_mutex_unlock(&server->lock);
    return connections;
}

void http_server_wait(struct http_server *server, unsigned requests)
{
    (void)pthread_mutex_lock(&server->lock);
    while (server->requests < requests)
        (void)pthread_cond_wait(&server->news, &server->lock);
    (void)pthread_mutex_unlock(&server->lock);
}

void http_server_release(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->releasing = true;
    must(eventfd_write(server->release, 1) == 0, "eventfd_write");
    while (server->releasing)
        (void)pthread_cond_wait(&server->news, &server->lock);
    (void)pthread_mutex_unlock(&server->lock);
}

const char *http_server_request(struct http_server *server, unsigned i)
{
    (void)pthread_mutex_lock(&server->lock);
    const char *request = i < KEPT_REQUESTS && server->kept[i] != NULL ? server->kept[i] : "";
    (void)pthread_mutex_unlock(&server->lock);
    return request;
}
