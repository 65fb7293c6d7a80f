/* The https server: one connection at a time, a self-signed certificate. */
#include "core/tls_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { A_DAY_S = 24 * 3600 };

struct tls_server {
    int listener;
    char url[64];
    char ca_file[40];
    SSL_CTX *context;
    pthread_t thread;
};

static void must(bool fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    abort();
}

static X509 *make_certificate(EVP_PKEY *key, const char *address)
{
    char name[64];
    X509 *made = X509_new();
    must(made != NULL, "X509_new");
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -A_DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(made), A_DAY_S);
    X509_set_pubkey(made, key);
    X509_NAME *subject = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                               0);
    X509_set_issuer_name(made, subject);
    (void)snprintf(name, sizeof name, "IP:%s", address);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
    must(names != NULL && X509_add_ext(made, names, -1) == 1, "subjectAltName");
    X509_EXTENSION_free(names);
    must(X509_sign(made, key, EVP_sha256()) > 0, "X509_sign");
    return made;
}

static void make_context(struct tls_server *server, const char *address)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key != NULL, "EVP_EC_gen");
    X509 *certificate = make_certificate(key, address);
    (void)snprintf(server->ca_file, sizeof server->ca_file, "/tmp/satchel-tls-XXXXXX");
    int fd = mkstemp(server->ca_file);
    must(fd >= 0, "mkstemp");
    FILE *file = fdopen(fd, "w");
    must(file != NULL && PEM_write_X509(file, certificate) == 1, "PEM_write_X509");
    (void)fclose(file);
    server->context = SSL_CTX_new(TLS_server_method());
    must(server->context != NULL && SSL_CTX_use_certificate(server->context, certificate) == 1 &&
             SSL_CTX_use_PrivateKey(server->context, key) == 1,
         "SSL_CTX");
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void answer(SSL *ssl)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    char request[4096];
    if (SSL_accept(ssl) != 1 || SSL_read(ssl, request, sizeof request) <= 0)
        return;
    (void)SSL_write(ssl, reply, (int)sizeof reply - 1);
    (void)SSL_shutdown(ssl);
}

/* Until the listener is shut down. */
static void *serve(void *arg)
{
    struct tls_server *server = arg;
    int fd;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        SSL *ssl = SSL_new(server->context);
        must(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "SSL_new");
        answer(ssl);
        SSL_free(ssl);
        (void)close(fd);
    }
    return NULL;
}

struct tls_server *tls_server_start(const char *address)
{
    struct tls_server *server = calloc(1, sizeof *server);
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t size = sizeof own;
    must(server != NULL, "calloc");
    /* OpenSSL writes without MSG_NOSIGNAL. */
    must(signal(SIGPIPE, SIG_IGN) != SIG_ERR, "signal");
    make_context(server, address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(bind(server->listener, (struct sockaddr *)&own, size) == 0, "bind");
    must(listen(server->listener, 8) == 0, "listen");
    must(getsockname(server->listener, (struct sockaddr *)&own, &size) == 0, "getsockname");
    (void)snprintf(server->url, sizeof server->url, "https://127.0.0.1:%u",
                   (unsigned)ntohs(own.sin_port));
    must(pthread_create(&server->thread, NULL, serve, server) == 0, "pthread_create");
    return server;
}

void tls_server_stop(struct tls_server *server)
{
    (void)shutdown(server->listener, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->listener);
    (void)unlink(server->ca_file);
    SSL_CTX_free(server->context);
    free(server);
}

const char *tls_server_url(const struct tls_server *server)
{
    return server->url;
}

const char *tls_server_ca_file(const struct tls_server *server)
{
    return server->ca_file;
}
