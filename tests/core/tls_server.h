/* An https server on a loopback port with a certificate of its own making; replies 200 to all. */
#ifndef SAT_TESTS_CORE_TLS_SERVER_H
#define SAT_TESTS_CORE_TLS_SERVER_H

struct tls_server;

/* `address` is the IP address the certificate is for. Aborts the program when it cannot start. */
struct tls_server *tls_server_start(const char *address);
void tls_server_stop(struct tls_server *server);
/* "https://127.0.0.1:port" */
const char *tls_server_url(const struct tls_server *server);
/* The PEM file that makes the certificate trusted. */
const char *tls_server_ca_file(const struct tls_server *server);

#endif
